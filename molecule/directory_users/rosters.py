"""Rosters of a made-up school for two years: rosters.py write FOLDER; hand-overs: read FILE ...

`read` takes the passphrase on standard input and prints {name: {username, password, ...}} of the
new accounts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from plugins.module_utils.directory.model import Person, Role, Roster, TeachingClass  # noqa: E402
from tests import rosters  # noqa: E402


def person(key: str, given_name: str, family_name: str, year: str = "", role: Role = Role.PUPIL) -> Person:
    return Person(source_id=key, given_name=given_name, family_name=family_name, role=role, year=year)


# The people whom the scenario follows through both years.
MOVER = person("known-mover", "Zoë", "O'Brien-Núñez", "7")
LEAVER = person("known-leaver", "Lúðvík", "Þorláksson", "7")
JOINER = person("known-joiner", "Ümit", "Ærø", "7")
TEACHER = person("known-teacher", "Mary", "Groß", role=Role.TEACHER)


def form(code: str, *pupils: Person) -> TeachingClass:
    return TeachingClass(
        source_id=f"known-{code}",
        title=f"Form {code}",
        code=code,
        pupils=frozenset(pupil.source_id for pupil in pupils),
        teachers=frozenset([TEACHER.source_id]),
    )


def with_followed(roster: Roster, people: list[Person], *forms: TeachingClass) -> Roster:
    return rosters.roster_of(
        [*roster.people.values(), *people], [*roster.classes.values(), *forms], complete=roster.complete
    )


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    school = rosters.make_school(60)
    years = {
        "first": with_followed(school, [MOVER, LEAVER, TEACHER], form("7X", MOVER, LEAVER)),
        "second": with_followed(
            rosters.rollover(school),
            [replace(MOVER, year="8"), JOINER, TEACHER],
            form("8X", replace(MOVER, year="8")),
            form("7Y", JOINER),
        ),
    }
    for name, roster in years.items():
        rosters.write(rosters.bundle(roster), folder / f"{name}.zip")


def read_handover(passphrase: str, path: str) -> dict[str, dict[str, str]]:
    program = Path(sys.executable).with_name("ansible-vault")
    view = [str(program), "view", "--vault-password-file", "/bin/cat", path]
    content = yaml.safe_load(
        subprocess.run(view, input=passphrase.encode(), capture_output=True, check=True).stdout
    )
    return {row["name"]: row for row in content.get("created", [])}


if __name__ == "__main__":
    action, *paths = sys.argv[1:]
    if action == "write":
        write(Path(paths[0]))
    else:
        secret = sys.stdin.read()
        print(json.dumps({name: row for path in paths for name, row in read_handover(secret, path).items()}))
