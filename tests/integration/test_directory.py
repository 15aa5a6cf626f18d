"""Rosters applied to a real Samba domain and a real OpenLDAP server, with drift and failures."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ldap3
import yaml

from tests.integration.directory_lab import PASSPHRASE, PASSWORD, PROGRAMS, Directory
from tests.integration.lab_hosts import NEEDS_LAB

# isort: split

from plugins.module_utils.directory.model import Action, Person, Role, Roster, State, User
from tests import rosters

pytestmark = NEEDS_LAB
CANARY = Person(
    source_id="canary-1", given_name="Canariüs", family_name="Zwölfender", role=Role.PUPIL, year="7"
)
CANARIES = ("canari", "zwölf", "zwoelf", "zwolf", "canary-1")
KEY = "a-key-of-this-test"


def school(people: int = 40) -> Roster:
    roster = rosters.make_school(people)
    return replace(roster, people={**roster.people, CANARY.source_id: CANARY})


def sync(directory: Directory, roster: Roster, *flags: str, **options: Any) -> tuple[dict[str, Any], str]:
    """Run directory_sync on the roster, written as a bundle."""
    path = rosters.write(rosters.bundle(roster), directory.lab / "roster.zip")
    module_options = {
        "roster": str(path),
        "today": "2026-11-24",
        "policy": directory.rules,
        "handover_dir": str(directory.lab / f"handover-{directory.kind}"),
        "handover_passphrase": PASSPHRASE,
        "pseudonym_key": KEY,
        **options,
    }
    return directory.module("directory_sync", *flags, **module_options)


def read_handover(path: str, folder: Path) -> dict[str, list[dict[str, str]]]:
    """The decrypted content of a hand-over."""
    (folder / "passphrase").write_text(PASSPHRASE + "\n")
    view = [
        str(PROGRAMS / "ansible-vault"),
        "view",
        "--vault-password-file",
        str(folder / "passphrase"),
        path,
    ]
    content: dict[str, list[dict[str, str]]] = yaml.safe_load(subprocess.check_output(view))
    return content


def test_the_run_does_what_was_planned_and_a_second_run_nothing(directory: Directory, tmp_path: Path) -> None:
    planned, check_output = sync(directory, school(), "--check", "--diff", "-vvv")
    applied, run_output = sync(directory, school(), "--diff", "-vvv")
    repeated, second_output = sync(directory, school(), "--diff", "-vvv")

    assert planned["changed"] and planned["fitsom"]["objects"] == applied["fitsom"]["objects"]
    assert planned["handover"] == ""
    assert (repeated["changed"], repeated["fitsom"]["objects"]) == (False, [])
    assert applied["counts"]["create_user"] == 41
    for output in (check_output, run_output, second_output):
        assert [word for word in CANARIES if word in output.casefold()] == []

    created = read_handover(applied["handover"], tmp_path)["created"]
    (row,) = [row for row in created if row["name"] == "Canariüs Zwölfender"]
    assert len(created) == 41
    current, _, _ = directory.plan(school())
    name = current.users["canary-1"].dn
    assert directory.may_log_in(name, row["password"])
    assert not directory.may_log_in(name, row["password"] + "x")
    assert row["password"] not in check_output + run_output + second_output


def test_leaver_may_not_log_in_and_is_deleted_after_the_hold(directory: Directory) -> None:
    directory.follow(school())
    current, _, _ = directory.plan(school())
    name = current.users["canary-1"].dn
    assert directory.may_log_in(name, PASSWORD)

    without_canary = replace(
        school(), people={key: person for key, person in school().people.items() if key != "canary-1"}
    )
    steps = directory.follow(without_canary)

    assert {step.action for step in steps} >= {Action.DISABLE_USER, Action.MOVE_USER}
    current, _, remaining_steps = directory.plan(without_canary)
    assert remaining_steps == []
    user = current.users["canary-1"]
    assert (user.enabled, user.unit, user.left_on is not None) == (False, ("Leavers",), True)
    assert not directory.may_log_in(user.dn, PASSWORD)
    assert not any(
        "canary-1" in group.members or group.unmanaged_members for group in current.groups.values()
    )

    directory.rules |= {"delete_after_hold": True, "hold_days": 0}
    assert {step.action for step in directory.follow(without_canary)} == {
        Action.EXPORT_USER,
        Action.DELETE_USER,
    }
    current, _, remaining_steps = directory.plan(without_canary)
    assert remaining_steps == [] and "canary-1" not in current.users


def test_who_comes_back_may_log_in_again(directory: Directory) -> None:
    directory.follow(school())
    directory.follow(replace(school(), people={k: p for k, p in school().people.items() if k != "canary-1"}))
    directory.follow(school())
    current, _, remaining_steps = directory.plan(school())
    assert remaining_steps == []
    assert directory.may_log_in(current.users["canary-1"].dn, PASSWORD)


# Each makes one kind of drift: (link, the canary's account, the current state).
MakeDrift = Callable[[Any, User, State], None]


def _member(add: bool) -> MakeDrift:
    def make_drift(link: Any, user: User, current: State) -> None:
        inside = [group for group in current.groups.values() if ("canary-1" in group.members) is not add]
        change = ldap3.MODIFY_ADD if add else ldap3.MODIFY_DELETE
        link.modify(inside[0].dn, {"member": [(change, [user.dn])]})

    return make_drift


def _group_gone(link: Any, user: User, current: State) -> None:
    link.delete(current.groups["year 7"].dn)


def _locked(link: Any, user: User, current: State) -> None:
    mapped = {"userAccountControl": ["514"]} if user.cn else {"pwdAccountLockedTime": ["000001010000Z"]}
    link.replace(user.dn, mapped)


def _moved(link: Any, user: User, current: State) -> None:
    own, _, parent = user.dn.partition(",")
    link.rename(user.dn, own, parent.partition(",")[2])


DRIFT: dict[str, MakeDrift] = {
    "another display name": lambda link, user, _: link.replace(user.dn, {"displayName": ["Somebody"]}),
    "no given name": lambda link, user, _: link.replace(user.dn, {"givenName": []}),
    "another year": lambda link, user, _: link.replace(user.dn, {"departmentNumber": ["9"]}),
    "another role": lambda link, user, _: link.replace(user.dn, {"employeeType": ["teacher"]}),
    "locked, and marked as a leaver": _locked,
    "moved": _moved,
    "deleted": lambda link, user, _: link.delete(user.dn),
    "out of a group": _member(False),
    "in a wrong group": _member(True),
    "a group is missing": _group_gone,
}


def test_every_drift_is_predicted_and_corrected(directory: Directory) -> None:
    directory.follow(school())
    for name, make_drift in DRIFT.items():
        current, _, steps = directory.plan(school())
        assert steps == [], name
        link = directory.link()
        make_drift(link, current.users["canary-1"], current)
        link.close()

        assert directory.follow(school()) != [], f"{name} was not detected"
        _, desired, remaining_steps = directory.plan(school())
        assert remaining_steps == [], name
        assert desired.users["canary-1"].enabled


def test_check_mode_predicts_drift_as_the_run_corrects_it(directory: Directory) -> None:
    directory.follow(school())
    current, _, _ = directory.plan(school())
    link = directory.link()
    for name in ("another year", "in a wrong group", "moved"):
        DRIFT[name](link, current.users["canary-1"], current)
    link.close()

    planned, _ = sync(directory, school(), "--check")
    applied, _ = sync(directory, school())

    assert planned["fitsom"]["objects"] == applied["fitsom"]["objects"]
    assert set(planned["counts"]) == {"move_user", "update_user", "update_group"}
    assert directory.plan(school())[2] == []


def test_run_that_is_killed_repeatedly_ends_in_the_same_state(directory: Directory) -> None:
    first, second = school(), rosters.rollover(school())
    for roster, step in ((first, 31), (second, 17)):
        planned = [directory.follow_and_die(roster, step)]
        while planned[-1] and len(planned) < 40:
            planned.append(directory.follow_and_die(roster, step))
        assert planned[-1] == 0 and len(planned) > 3
    current, desired, _ = directory.plan(second)
    assert {key: (user.unit, user.enabled) for key, user in current.users.items()} == {
        key: (user.unit, user.enabled) for key, user in desired.users.items()
    }
    assert sum(group.unmanaged_members for group in current.groups.values()) == 0
    enabled = next(user for user in current.users.values() if user.enabled)
    assert directory.may_log_in(enabled.dn, PASSWORD)


def test_existing_account_with_our_source_id_is_corrected(directory: Directory) -> None:
    empty, _, steps = directory.plan(school())
    directory.follow(school())
    current, _, _ = directory.plan(school())
    user = current.users["canary-1"]
    link = directory.link()
    link.replace(user.dn, {"displayName": ["Somebody"], "departmentNumber": []})
    link.close()

    report = directory.apply(empty, steps)  # as planned for an empty directory

    assert (report.error, report.remaining) == ("", ())
    assert directory.plan(school())[2] == []
    assert directory.may_log_in(user.dn, PASSWORD)


def test_name_of_another_account_stops_the_run_and_reports_the_remaining_steps(directory: Directory) -> None:
    current, _, steps = directory.plan(school())
    units = [step for step in steps if step.action is Action.CREATE_UNIT]
    directory.apply(current, units)
    (mine,) = [step for step in steps if step.key == "canary-1"]
    assert isinstance(mine.after, User)
    other_account = replace(mine.after, source_id="somebody-else")
    directory.apply(current, [replace(mine, key="somebody-else", after=other_account)])

    report = directory.apply(
        current, [step for step in steps if step.action is not Action.CREATE_UNIT], width=1
    )

    assert report.failed is not None and report.failed.key == "canary-1"
    assert "already exists" in report.error
    assert len(report.completed) + len(report.remaining) == len(steps) - len(units) and report.remaining
    assert [word for word in CANARIES if word in report.error.casefold()] == []


def test_number_of_an_account_is_never_reused(directories: dict[str, Directory]) -> None:
    directory = directories["openldap"]
    directory.wipe()
    directory.follow(school(10))
    link = directory.link()
    used = {
        entry.number("uidNumber") for entry in link.search(directory.base, "(uidNumber=*)", ["uidNumber"])
    }
    current, _, _ = directory.plan(school(10))
    link.delete(current.users["canary-1"].dn)
    directory.follow(school(10))
    current, _, _ = directory.plan(school(10))
    entry = link.base(current.users["canary-1"].dn, ["uidNumber"])
    assert entry is not None and entry.number("uidNumber") == max(used) + 1
    assert len(used) == 11


def test_wrong_password_and_wrong_authority_are_reported_and_nothing_else(directory: Directory) -> None:
    wrong, output = sync(directory, school(), bind_password="not-the-password")
    assert "refuses the bind DN with this password" in wrong["msg"]
    assert "not-the-password" not in output

    other_host = "ldap1" if directory.kind == "samba" else "dc1"
    untrusted, _ = sync(directory, school(), ca_file=str(directory.lab / f"ca/{other_host}.pem"))
    assert "cannot be verified with" in untrusted["msg"]
    assert directory.plan(school())[0].users == {}


def test_too_many_leavers_are_refused(directory: Directory) -> None:
    directory.follow(school())
    few = replace(school(), people=dict(list(school().people.items())[:20]))
    refused, _ = sync(directory, replace(few, classes={}), "--check", policy={})
    assert refused["msg"].startswith("nothing was changed: ")
    assert [check for check in refused["fitsom"]["checks"] if not check["ok"]]


def test_domain_requires_long_passwords_and_locks_accounts(directories: dict[str, Directory]) -> None:
    samba = directories["samba"]
    samba.module("directory_policy", minimum_length=7, lockout_threshold=0)
    planned, _ = samba.module("directory_policy", "--check", "--diff")
    applied, _ = samba.module("directory_policy")
    repeated, _ = samba.module("directory_policy")
    assert planned["changed"] and planned["after"] == applied["after"]
    assert "minimum_length: 12" in planned["diff"]["after"]
    assert not repeated["changed"] and repeated["before"] == applied["after"]

    samba.wipe()
    samba.follow(school(10))
    name = samba.plan(school(10))[0].users["canary-1"].dn
    assert samba.may_log_in(name, PASSWORD)
    for number in range(10):
        assert not samba.may_log_in(name, f"wrong password {number}")
    assert not samba.may_log_in(name, PASSWORD)


def test_review_names_administrators_and_nobody_else(directory: Directory) -> None:
    directory.follow(school())
    groups = ["Domain Admins", "All Staff", "No such group"]
    result, output = directory.module(
        "directory_review", "--check", pseudonym_key=KEY, now="2027-11-24T08:00:00", privileged_groups=groups
    )
    assert len(result["stale"]) == 41
    assert all(row["id"].startswith("p-") for row in result["stale"])
    staff = [row for row in result["privileged"] if row["group"] == "All Staff"]
    assert staff and all(row["account"].startswith("p-") for row in staff)
    if directory.kind == "samba":
        assert [row["account"] for row in result["privileged"] if row["group"] == "Domain Admins"] == [
            "Administrator"
        ]
    assert [word for word in CANARIES if word in output.casefold()] == []
