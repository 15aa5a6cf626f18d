"""Made-up schools for tests: people and classes, the next year, and both as OneRoster bundles.

None of the people is real.
"""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from plugins.module_utils.directory.model import Person, Role, Roster, TeachingClass


def split_words(text: str) -> list[str]:
    return text.replace(",", " ").split()


FIRST, LAST = 7, 11
FORMS = "ABCDEFGHIJKL"
SUBJECTS = {"Ma": "Mathematics", "En": "English", "Sc": "Science"}
DEPARTMENTS = ("Mathematics", "English", "Science", "Office")
GIVEN_NAMES = split_words(
    "Anna Zoë Søren Łukasz Þóra D'Arcy Mary-Jane Ärmel Ólafur Ngọc Nuñez José Ümit Ægir Anna Anna Björk Chloé "
    "Seán Renée Thomas Amir Li Ravi Fatima Oluwaseun Ivo 李 Мария 🦊 👩\u200d🚀"
)
FAMILY_NAMES = split_words(
    "Smith Smith Smith O'Brien-Nunez Müller Groß Åström Öz Jones Patel Khan Nowak Żak Ó-Súilleabháin van-Dijk "
    "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschaferswessenschafe Ng Đorđević 王 Lee "
    "Иванова 🐻"
)
USERS_11 = split_words(
    "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,"
    "middleName,identifier,email,sms,phone,agentSourcedIds,grades,password"
)
USERS_12 = split_words(
    "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,"
    "email,sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,resourceSourcedIds,preferredGivenName,"
    "preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns"
)
_COLUMNS = {
    "orgs": "name,type,identifier,parentSourcedId",
    "roles": "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId",
    "classes": "title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,"
    "subjects,subjectCodes,periods",
    "enrollments": "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate",
    "courses": "schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes",
    "academicSessions": "title,type,startDate,endDate,parentSourcedId,schoolYear",
}
HEADERS = {name: split_words(f"sourcedId,status,dateLastModified,{text}") for name, text in _COLUMNS.items()}
WORDS = {Role.PUPIL: "student", Role.TEACHER: "teacher", Role.STAFF: "administrator"}
COVERED = frozenset(WORDS)


def make_school(people: int = 2000, seed: int = 1) -> Roster:
    """A school with this number of people, seven in eight of them pupils of years 7 to 11.

    The same seed gives the same school.
    """
    rng = random.Random(seed)  # noqa: S311 - names for tests, not secrets
    pupils, teachers = people * 7 // 8, people // 12
    all_people = [
        *(_person(rng, f"pu-{n:05d}", Role.PUPIL, str(FIRST + n % 5)) for n in range(pupils)),
        *(_person(rng, f"te-{n:05d}", Role.TEACHER) for n in range(teachers)),
        *(_person(rng, f"st-{n:05d}", Role.STAFF) for n in range(people - pupils - teachers)),
    ]
    return roster_of(all_people, _classes(all_people, 2026))


def roster_of(
    people: Iterable[Person], classes: Iterable[TeachingClass] = (), *, complete: bool = True
) -> Roster:
    return Roster(
        people={person.source_id: person for person in people},
        classes={teaching_class.source_id: teaching_class for teaching_class in classes},
        complete=complete,
        covers=COVERED,
    )


def _person(rng: random.Random, key: str, role: Role, year: str = "") -> Person:
    return Person(
        source_id=key,
        given_name=rng.choice(GIVEN_NAMES),
        family_name=rng.choice(FAMILY_NAMES),
        role=role,
        year=year,
        departments=() if role is Role.PUPIL else (rng.choice(DEPARTMENTS),),
        username=key,
    )


def _classes(people: Iterable[Person], autumn: int) -> Iterator[TeachingClass]:
    """Classes of up to 30 pupils: one for each form and subject, with one teacher."""
    all_people = list(people)
    teachers = sorted(p.source_id for p in all_people if p.role is Role.TEACHER)
    teacher_index = 0
    for year in range(FIRST, LAST + 1):
        pupils = sorted(p.source_id for p in all_people if p.year == str(year))
        for start in range(0, len(pupils), 30):
            form = f"{year}{FORMS[start // 30]}"
            for code, subject in SUBJECTS.items():
                teacher_index += 1
                yield TeachingClass(
                    source_id=f"c-{autumn}-{form}-{code}",
                    title=f"{subject} {form}",
                    code=f"{form}/{code}",
                    subjects=(subject,),
                    years=(str(year),),
                    pupils=frozenset(pupils[start : start + 30]),
                    teachers=frozenset([teachers[teacher_index % len(teachers)]] if teachers else []),
                )


def rollover(roster: Roster, seed: int = 2, autumn: int = 2027) -> Roster:
    """The next year: the oldest leave, the others move up, and a new year 7 joins.

    One in twenty of the staff is replaced.
    """
    rng = random.Random(seed)  # noqa: S311
    stay, new = [], 0
    for person in roster.people.values():
        if person.role is Role.PUPIL and int(person.year) < LAST:
            stay.append(replace(person, year=str(int(person.year) + 1)))
        elif person.role is Role.PUPIL:
            new += 1
            stay.append(_person(rng, f"pu-{autumn}-{new:04d}", Role.PUPIL, str(FIRST)))
        elif rng.random() < 0.05:
            new += 1
            stay.append(_person(rng, f"st-{autumn}-{new:04d}", person.role))
        else:
            stay.append(person)
    return roster_of(stay, _classes(stay, autumn))


def bundle(roster: Roster, version: str = "1.1", mode: str = "bulk") -> dict[str, bytes]:
    """{file: content} of a OneRoster bundle; in a delta, `leavers` have the status tobedeleted."""
    status = ["", ""] if mode == "bulk" else ["active", "2026-09-01T08:00:00.000Z"]
    deleted = ["tobedeleted", "2026-09-01T08:00:00.000Z"]
    users = [_user(person, version, status) for person in roster.people.values()]
    users += [_user(_nobody(key), version, deleted) for key in sorted(roster.leavers)]
    content: dict[str, tuple[list[str], list[list[str]]]] = {
        "orgs": (HEADERS["orgs"], list(_orgs(status))),
        "users": (USERS_11 if version == "1.1" else USERS_12, users),
        "classes": (HEADERS["classes"], [_class(c, status) for c in roster.classes.values() if c.title]),
        "enrollments": (HEADERS["enrollments"], list(_enrollments(roster, status, deleted))),
        "academicSessions": (
            HEADERS["academicSessions"],
            [["term", *status, "Autumn", "term", "2026-09-01", "2027-07-31", "", "2027"]],
        ),
    }
    if version == "1.2":
        content["roles"] = (HEADERS["roles"], [_role(p, status) for p in roster.people.values()])
    manifest = [
        ["manifest.version", "1.0"],
        ["oneroster.version", version],
        *([f"file.{name}", mode if name in content else "absent"] for name in ("courses", *content)),
    ]
    files = {f"{name}.csv": table(header, rows) for name, (header, rows) in content.items()}
    return {"manifest.csv": table(["propertyName", "value"], manifest), **files}


def table(header: list[str], rows: Iterable[list[str]], end: str = "\r\n") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def cell(files: dict[str, bytes], name: str, line: int, column: str, value: str) -> dict[str, bytes]:
    """The bundle with one unquoted cell changed; line 2 is the first row."""
    rows = files[f"{name}.csv"].decode().splitlines()
    cells = rows[line - 1].split(",")
    cells[rows[0].split(",").index(column)] = value
    rows[line - 1] = ",".join(cells)
    return {**files, f"{name}.csv": ("\r\n".join(rows) + "\r\n").encode()}


def write(files: Mapping[str, bytes], target: Path) -> Path:
    """Write to a zip if the target ends in .zip, otherwise to a folder; return the target."""
    if target.suffix == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return target
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
    return target


def _nobody(key: str) -> Person:
    return Person(source_id=key, given_name="Gone", family_name="Away", role=Role.PUPIL)


def _orgs(status: list[str]) -> Iterator[list[str]]:
    yield ["school", *status, "Test School", "school", "", ""]
    for name in DEPARTMENTS:
        yield [f"dept-{name}", *status, name, "department", "", "school"]


def _org_ids(person: Person) -> list[str]:
    return [f"dept-{name}" for name in person.departments] or ["school"]


def _user(person: Person, version: str, status: list[str]) -> list[str]:
    cells = {
        "sourcedId": person.source_id,
        "status": status[0],
        "dateLastModified": status[1],
        "enabledUser": "true",
        "orgSourcedIds": ",".join(_org_ids(person)),
        "role": WORDS[person.role],
        "username": person.username,
        "givenName": person.given_name,
        "familyName": person.family_name,
        "email": person.mail,
        "grades": person.year.zfill(2) if person.year else "",
    }
    return [cells.get(column, "") for column in (USERS_11 if version == "1.1" else USERS_12)]


def _role(person: Person, status: list[str]) -> list[str]:
    org = _org_ids(person)[0]
    return [
        f"r-{person.source_id}",
        *status,
        person.source_id,
        "primary",
        WORDS[person.role],
        "",
        "",
        org,
        "",
    ]


def _class(teaching_class: TeachingClass, status: list[str]) -> list[str]:
    start = [
        teaching_class.source_id,
        *status,
        teaching_class.title,
        ",".join(teaching_class.years),
        "",
        teaching_class.code,
        "scheduled",
        "",
    ]
    return [*start, "school", "term", ",".join(teaching_class.subjects), "", ""]


def _enrollments(roster: Roster, status: list[str], deleted: list[str]) -> Iterator[list[str]]:
    for teaching_class in roster.classes.values():
        for key in sorted(teaching_class.pupils):
            yield _enrollment(teaching_class.source_id, key, "student", status)
        for key in sorted(teaching_class.teachers):
            yield _enrollment(teaching_class.source_id, key, "teacher", status)
        for key in sorted(teaching_class.former_members):
            yield _enrollment(teaching_class.source_id, key, "student", deleted)


def _enrollment(class_id: str, user: str, role: str, status: list[str]) -> list[str]:
    return [f"e-{class_id}-{user}", *status, class_id, "school", user, role, "", "", ""]
