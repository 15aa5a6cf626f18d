"""A roster as a whole change: planned, approved, run on a real Samba domain, reported; no names."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.directory_lab import PASSPHRASE, Directory
from tests.integration.lab_hosts import NEEDS_LAB
from tests.school import ROOT, School

# isort: split
from plugins.module_utils.directory.model import Person, Role
from tests import rosters

pytestmark = NEEDS_LAB
CANARY = Person(
    source_id="canary-77", given_name="Canariüs", family_name="Zwölfender", role=Role.PUPIL, year="7"
)
NAMES = ("canari", "zwölf", "zw\\u00f6lf", "zwoelf", "zwolf", "canary-77")


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file below, packed ones unpacked; databases as dumps too."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            yield path.name, data.decode(errors="replace").casefold()
        if path.suffix == ".sqlite3":
            with sqlite3.connect(path) as connection:
                yield f"{path.name}, as a dump", "\n".join(connection.iterdump()).casefold()


@pytest.fixture
def samba(directories: dict[str, Directory]) -> Directory:
    samba_directory = directories["samba"]
    samba_directory.wipe()
    return samba_directory


@pytest.fixture
def school(samba: Directory, tmp_path: Path) -> School:
    """A school with the lab's directory; everything else is as in the repository."""
    login = samba.login
    handover = tmp_path / "handover"
    handover.mkdir()
    school = School(
        folder=tmp_path / "school",
        inventories=("inventories/directory",),
        readable=(str(login.ca_file),),
        writable=(str(handover),),
    )
    inventory = {
        "directory": {
            "hosts": {"domain": {"ansible_host": login.servers[0]}},
            "vars": {
                "directory_users_kind": "samba",
                "directory_users_base": samba.base,
                "directory_users_bind_dn": login.bind_dn,
                "directory_users_bind_password": login.password,
                "directory_users_ca_file": login.ca_file,
                "directory_users_handover_dir": str(handover),
                "directory_users_handover_passphrase": PASSPHRASE,
                "directory_users_pseudonym_key": "a-key-of-this-test",
            },
        }
    }
    role = ROOT / "roles/directory_users"
    files = {str(path.relative_to(ROOT)): path.read_text() for path in role.rglob("*.*") if path.is_file()}
    school.build(
        {
            **files,
            "playbooks/directory.yml": (ROOT / "playbooks/directory.yml").read_text(),
            "inventories/directory/hosts.yml": yaml.safe_dump(inventory),
        }
    )
    return school


def test_roster_is_planned_approved_run_and_reported_without_a_name(
    school: School, samba: Directory, tmp_path: Path
) -> None:
    first = rosters.make_school(40)
    first = replace(first, people={**first.people, CANARY.source_id: CANARY})
    export = rosters.write(rosters.bundle(first), tmp_path / "export.zip")
    request: dict[str, Any] = {"limit": "directory", "input": f"roster={export}"}

    number = school.planned("playbooks/directory.yml", **request)
    shown = school.fitsom("change", "show", number, json_answer=False).out
    assert "create user, Year 7" in shown
    # The MIS overwrites the approved export with a new one: refused, and nothing is changed.
    rosters.write(rosters.bundle(rosters.make_school(30)), export)
    school.fitsom("change", "approve", number, acting_as="head")
    refused = school.fitsom("run", "start", number, code=None)
    assert refused.code and "inputs roster" in refused.out + refused.err
    assert samba.plan(first)[0].users == {}

    rosters.write(rosters.bundle(first), export)
    number = school.approved("playbooks/directory.yml", **request)
    school.fitsom("run", "start", number)
    report = school.fitsom("report", "show", number).value
    assert samba.plan(first)[2] == []
    assert len(list((tmp_path / "handover").iterdir())) == 1

    second_number = school.planned("playbooks/directory.yml", **request)
    assert "create user" not in school.fitsom("change", "show", second_number, json_answer=False).out
    report_text = str(report)
    assert "Year 7" in report_text and "p-" in report_text
    leaks = [(name, word) for name, text in texts(school.site) for word in NAMES if word in text]
    assert leaks == []
    secret = samba.login.password.casefold()
    assert [name for name, text in texts(school.site) if secret in text or PASSPHRASE in text] == []


def test_rollover_shows_counts_by_year_in_the_plan(school: School, samba: Directory, tmp_path: Path) -> None:
    before = rosters.make_school(60)
    samba.follow(before)
    export = rosters.write(rosters.bundle(rosters.rollover(before)), tmp_path / "export.zip")
    request: dict[str, Any] = {"limit": "directory", "input": f"roster={export}"}

    number = school.new("playbooks/directory.yml", **request)
    school.fitsom("change", "submit", number)
    stopped = school.fitsom("change", "plan", number, code=None)
    assert "would lose their access" in stopped.out + stopped.err

    overrides = '{"directory_users_policy_overrides": {"max_disappearing_percent": 60}}'
    number = school.planned("playbooks/directory.yml", extra_var=overrides, **request)
    shown = school.fitsom("change", "show", number, json_answer=False).out
    for year in ("Year 8", "Year 9", "Year 10", "Year 11"):
        assert year in shown
    school.fitsom("change", "approve", number, acting_as="head")
    school.fitsom("run", "start", number)
    assert school.change(number)["state"] == "succeeded"
