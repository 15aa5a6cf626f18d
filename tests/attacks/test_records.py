"""Whoever can write the records makes nothing run and tells no other story: log and signatures say what was decided.

One school, made once: its records are put back before each attack, which edits the database itself.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fitsom_runner.canonical import canonical
from tests.school import School
from tests.ssh_keys import fingerprint_of, make_key, signed

#: A minor change that is signed and may run; an emergency that is not signed and may run; one that only has a plan;
#: one that was approved and then rejected.
SIGNED, UNSIGNED, PLANNED, REJECTED = (f"CHG-{{year}}-{number:04d}" for number in range(1, 5))
NOTICE = {"limit": "srv1", "backout_playbook": "playbooks/take_down.yml"}


@dataclass(frozen=True, kw_only=True)
class Records:
    """The school, its records as they were, and the keys of its people."""

    school: School
    kept: Path
    keys: dict[str, Path]
    year: str

    def number(self, change: str) -> str:
        """The number of one of the four changes."""
        return change.format(year=self.year)

    def edit(self, statement: str, *values: object) -> None:
        """What the owner of the database can always do."""
        with self.school.database() as database:
            database.execute(statement, values)
            database.commit()

    def statement(self, change: str) -> bytes:
        """The text that was signed, as anybody can put it together from the log."""
        query = "select detail from audit_entry where action = 'change.approve_implement' and subject = ?"
        detail = json.loads(self.school.scalar(query, self.number(change)))
        return canonical({"format": 1, **detail["statement"]}).encode()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Records:
    folder = tmp_path_factory.mktemp("records")
    school = School(folder=folder / "school").build()
    with (school.site / "fitsom.yml").open("a") as settings:
        settings.write("signatures: {minor: required}\n")
    keys = {}
    for person, witness in (("head", "manager"), ("manager", "head")):
        keys[person] = make_key(folder / person)
        enrolled = school.fitsom("key", "enrol", "--key", f"{keys[person]}.pub", acting_as=person).value
        assert enrolled["fingerprint"] == fingerprint_of(keys[person])
        school.fitsom("key", "confirm", enrolled["fingerprint"], acting_as=witness)
    keys["stranger"] = make_key(folder / "stranger")
    approve = ("change", "approve")
    number = school.planned("playbooks/notice.yml", **NOTICE)
    school.fitsom(*approve, number, "-m", "Go on", "--key", str(keys["head"]), acting_as="head")
    emergency = school.planned("playbooks/notice.yml", type="emergency", **NOTICE)
    school.fitsom(*approve, emergency, acting_as="head")
    school.planned("playbooks/notice.yml", type="emergency", **NOTICE)
    rejected = school.planned("playbooks/notice.yml", **NOTICE)
    school.fitsom(*approve, rejected, "--key", str(keys["head"]), acting_as="head")
    school.fitsom("change", "reject", rejected, "-m", "Not this week", acting_as="head")
    shutil.copytree(school.state, folder / "kept")
    return Records(school=school, kept=folder / "kept", keys=keys, year=number.split("-")[1])


@pytest.fixture
def records(made: Records) -> Iterator[Records]:
    """The records as they were, and nothing done on any server."""
    shutil.rmtree(made.school.state)
    shutil.copytree(made.kept, made.school.state)
    yield made
    done = list(made.school.truth.iterdir())
    shutil.rmtree(made.school.truth)
    made.school.truth.mkdir()
    assert done == [], "something ran"


Attack = Callable[[Records], None]


def edits(statement: str, *values: object) -> Attack:
    """An attack that edits the database by one statement."""
    return lambda records: records.edit(statement, *values)


def signs(key: str, *, namespace: str = "approve@fitsom", claims: str = "head") -> Attack:
    """An attack that puts another signature over the same text in place of the head's."""

    def attack(records: Records) -> None:
        signature = signed(records.keys[key], records.statement(SIGNED), namespace=namespace)
        claimed = fingerprint_of(records.keys[claims])
        records.edit("update approval set signature = ?, key = ? where id = 1", signature, claimed)

    return attack


OTHER_HOSTS = json.dumps({"srv1": {"items": [], "facts": {}, "done": True}})
APPROVAL = """
insert into approval (change_id, version, plan_id, kind, approved, person, person_name, position, on_behalf_of, os_user,
    comment, seal, school, at, method, "key", signature)
select change.id, change.version, change.plan_id, 'approve_implement', 1, 'head', 'Henry Head', 'head teacher', '', 'x',
    '', plan.seal, 'Test School', '2026-11-27 10:00:00', '', '', ''
from change join plan on plan.id = change.plan_id where change.id = 3
"""


def slip_in(records: Records) -> None:
    """An approval that nobody gave."""
    records.edit(APPROVAL)
    records.edit("update change set state = 'scheduled' where id = 3")


#: The change that is attacked, how, and what is said of it. tests/unit/changes/test_evidence.py has the other kinds.
ATTACKS: dict[str, tuple[str, Attack, str]] = {
    "a reason": (
        SIGNED,
        edits("update change set reason = 'because I say so' where id = 1"),
        "reason is not as it was requested",
    ),
    "a back-out playbook": (
        UNSIGNED,
        edits("update change set backout_playbook = 'playbooks/steps.yml' where id = 2"),
        "other request for change",
    ),
    "hosts of a plan": (
        UNSIGNED,
        edits("update plan set hosts = ? where change_id = 2", OTHER_HOSTS),
        "is not the one that was taken",
    ),
    "a comment": (SIGNED, edits("update approval set comment = 'Gladly' where id = 1"), "other comment"),
    "an approval nobody gave": (PLANNED, slip_in, "was never given according to the log"),
    "an approval taken back": (
        REJECTED,
        edits("update change set state = 'scheduled' where id = 4"),
        "is scheduled, according to the log rejected",
    ),
    "a signature by a stranger": (SIGNED, signs("stranger"), "it is not by this key over this text"),
    "a stranger's own key": (SIGNED, signs("stranger", claims="stranger"), "was not enrolled and confirmed"),
    "somebody else's key": (SIGNED, signs("manager", claims="manager"), "is the key of manager"),
    "a signature for another purpose": (SIGNED, signs("head", namespace="file"), "for another purpose"),
    "no trace of a signature": (
        SIGNED,
        edits("update approval set signature = '', method = '', \"key\" = '' where id = 1"),
        "other key",
    ),
}
#: Those that do not undo each other.
AT_ONCE = (
    "a reason",
    "a back-out playbook",
    "hosts of a plan",
    "an approval nobody gave",
    "an approval taken back",
    "a stranger's own key",
)


@pytest.mark.parametrize("what", ATTACKS)
def test_a_record_that_was_written_past_fitsom_runs_nothing(records: Records, what: str) -> None:
    change, attack, words = ATTACKS[what]
    attack(records)
    assert words in records.school.fitsom("run", "start", records.number(change), code=7).error
    assert records.school.rows("select id from run") == []


def test_the_auditor_finds_each_of_them(records: Records) -> None:
    for what in AT_ONCE:
        ATTACKS[what][1](records)
    found = records.school.fitsom("audit", "verify", code=7).error
    assert [what for what in AT_ONCE if ATTACKS[what][2] not in found] == []


def test_the_timer_starts_what_is_sound_and_says_why_it_left_the_other(records: Records) -> None:
    records.edit("update change set reason = 'because I say so'")
    results = records.school.fitsom("tick", code=3).value
    assert [result["run"] for result in results] == ["", ""]
    assert all("are not what was approved and logged" in result["why"] for result in results)


def test_an_approver_is_not_asked_to_sign_what_was_rewritten(records: Records) -> None:
    records.edit("update plan set hosts = ? where change_id = 3", OTHER_HOSTS)
    answer = records.school.fitsom("change", "approve", records.number(PLANNED), acting_as="head", code=7)
    assert "is not the one that was taken" in answer.error
    assert records.school.scalar("select count(*) from approval where change_id = 3") == 0


def test_a_broken_log_stops_every_run(records: Records) -> None:
    records.edit("drop trigger audit_entry_no_update")
    records.edit("update audit_entry set actor = 'head' where action = 'change.new' and subject like '%0003'")
    answer = records.school.fitsom("run", "start", records.number(SIGNED), code=7)
    assert "the audit log is not intact, so nothing is approved or run" in answer.error
    assert "was altered after it was written" in answer.error


def test_an_old_copy_of_everything_is_found_by_what_left_the_machine(
    records: Records, tmp_path: Path
) -> None:
    """Log, anchor, table and key of the past fit each other; only a report that somebody kept does not."""
    old = shutil.copytree(records.school.state, tmp_path / "old")
    number = records.number(PLANNED)
    records.school.fitsom("change", "approve", number, acting_as="head")
    records.school.fitsom("report", "export", records.number(SIGNED), "--to", str(tmp_path / "kept.html"))
    kept = records.school.fitsom("audit", "checkpoint").value["checkpoint"]
    (tmp_path / "kept.txt").write_text(kept)
    for form in ("kept.html", "kept.txt"):
        records.school.fitsom("audit", "verify", "--since", str(tmp_path / form))
    shutil.rmtree(records.school.state)
    shutil.copytree(old, records.school.state)
    records.school.fitsom("audit", "verify")
    told = records.school.fitsom("audit", "verify", "--since", str(tmp_path / "kept.txt"), code=7)
    assert re.search("an older copy was put in its place|does not know", told.error)


def test_a_chain_that_was_computed_anew_is_found_by_what_left_the_machine(
    records: Records, tmp_path: Path
) -> None:
    (tmp_path / "kept.txt").write_text(records.school.fitsom("audit", "checkpoint").value["checkpoint"])
    compute_anew(records)
    records.school.fitsom("audit", "verify", code=None)
    told = records.school.fitsom("audit", "verify", "--since", str(tmp_path / "kept.txt"), code=7)
    assert "the log was written anew" in told.error


def compute_anew(records: Records) -> None:
    """Another person in the first entry, and all hashes of log and anchor as they would then be."""
    records.edit("drop trigger audit_entry_no_update")
    columns = "seq, at, actor, os_user, action, subject, detail"
    previous, anchor = "0" * 64, []
    for entry in records.school.rows(f"select {columns} from audit_entry order by seq"):  # noqa: S608
        content = ["somebody" if entry[0] == 1 and n == 3 else value for n, value in enumerate(entry)]
        digest = hashlib.sha256(json.dumps([*content, previous], ensure_ascii=False).encode()).hexdigest()
        values = (content[3], previous, digest, entry[0])
        records.edit("update audit_entry set os_user = ?, previous = ?, hash = ? where seq = ?", *values)
        anchor.append(f"{entry[0]} {digest}")
        previous = digest
    (records.school.state / "audit.anchor").write_text("\n".join(anchor))


def test_a_key_that_was_put_into_the_table_signs_nothing(records: Records) -> None:
    """Not even for whoever has it: what counts is what the log says."""
    stranger = records.keys["stranger"]
    public = Path(f"{stranger}.pub").read_text().rsplit(" ", 1)[0]
    query = "update enrolled_key set public_key = ?, fingerprint = ? where person = 'head'"
    records.edit(query, public, fingerprint_of(stranger))
    number = records.number(PLANNED)
    answer = records.school.fitsom(
        "change", "approve", number, "--key", str(stranger), acting_as="head", code=3
    )
    assert "is not enrolled" in answer.error
    assert "was not enrolled according to the log" in records.school.fitsom("audit", "verify", code=7).error


def test_a_revoked_key_signs_nothing_whatever_the_table_says(records: Records) -> None:
    school, key = records.school, records.keys["head"]
    school.fitsom("key", "revoke", fingerprint_of(key), "-m", "lost", acting_as="manager")
    records.edit("update enrolled_key set revoked_at = null")
    number = records.number(PLANNED)
    answer = school.fitsom("change", "approve", number, "--key", str(key), acting_as="head", code=3)
    assert "is revoked" in answer.error
    assert "is not what the log says of it" in school.fitsom("audit", "verify", code=7).error


def test_where_it_is_required_nothing_is_approved_without_a_key(records: Records) -> None:
    school = records.school
    number = school.planned("playbooks/notice.yml", **NOTICE)
    answer = school.fitsom("change", "approve", number, acting_as="head", code=3)
    assert "must be signed" in answer.error
    assert fingerprint_of(records.keys["head"]) in answer.value["hint"]


def test_what_was_approved_before_the_rule_does_not_run_under_it(records: Records) -> None:
    school = records.school
    settings = school.site / "fitsom.yml"
    before = settings.read_text()
    settings.write_text(before.replace("{minor: required}", "{minor: required, emergency: required}"))
    try:
        answer = school.fitsom("run", "start", records.number(UNSIGNED), code=3)
    finally:
        settings.write_text(before)
    assert "is not signed" in answer.error


def test_what_nobody_touched_runs_and_says_who_signed(made: Records) -> None:
    shutil.rmtree(made.school.state)
    shutil.copytree(made.kept, made.school.state)
    school, fingerprint = made.school, fingerprint_of(made.keys["head"])
    assert "intact" in school.fitsom("audit", "verify", json_answer=False).out
    run = school.fitsom("run", "start", made.number(SIGNED)).value
    assert run["status"] == "succeeded"
    (approval,) = school.change(made.number(SIGNED))["approvals"]
    assert (approval["signed"], approval["key"]) == (True, fingerprint)
    (approval,) = school.change(made.number(UNSIGNED))["approvals"]
    assert (approval["signed"], approval["key"]) == (False, "")
    shown = school.fitsom("change", "show", made.number(UNSIGNED), json_answer=False).out
    assert re.search(r"not[\s│]+signed", shown), shown
    for suffix in ("html", "md", "json"):
        assert fingerprint in (school.state / "runs" / run["id"] / f"report.{suffix}").read_text()
    made.edit("update host_outcome set outcome = 'failed', reason = 'it was the network'")
    found = school.fitsom("audit", "verify", code=7).error
    assert f"the results of the run {run['id']} are not those that were recorded at its end" in found
    shutil.rmtree(school.truth)
    school.truth.mkdir()
