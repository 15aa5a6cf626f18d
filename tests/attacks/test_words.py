"""What a host, a requester or a roster says is text: never code, never an escape sequence, never a traceback.

One change on six hosts, each of which answers its own nonsense in plan and run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.attacks.conftest import Attacked

#: Erases the line above, and turns what follows around.
HOSTILE = "\x1b[2K\x1b[1AAll is well \u202egnp.exe"


def upgrade(**fields: Any) -> dict[str, Any]:
    return {"packages": [{"name": "openssl", "from": "3.0.16-1", "to": "3.0.17-1", **fields}]}


def answers(template: str) -> dict[str, Any]:
    """What each host reports under the key fitsom."""
    finding = {"kind": "k", "severity": "warning", "ci": "[/oops]", "what": HOSTILE}
    facts: dict[str, Any] = {
        "pc1": upgrade(to=f"3.0.17-1{template}"),
        "pc2": [upgrade(**{"from": f"3.0{template}"}), upgrade(name=f"openssl{template}")],
        "pc3": {"notes": [HOSTILE, "[/oops]", template], "findings": [finding]},
        "pc4": {
            "objects": ["x"],
            "undone": ["x"],
            "expiring": [{"rule": "r", "days": 1e308}],
            "notes": [[[]]],
        },
        "pc5": {"packages": {"name": 1}, "services": [[]], "reboot": "yes", "checks": None, "facts": "x"},
        "pc6": ["x", None, 7, {"facts": [{"configuration_item": {"system": [], "filesystems": [{}]}}]}],
    }
    return {host: {"changed": True, "fitsom": said} for host, said in facts.items()}


@pytest.fixture(scope="module")
def printed(attacked: Attacked, tmp_path_factory: pytest.TempPathFactory) -> str:
    """All that the commands of planning, approving, running and looking afterwards print."""
    school = attacked.school
    attacked.answers(answers(attacked.template))
    roster = tmp_path_factory.mktemp("mis") / attacked.template.replace("/", "\u2215")
    roster.write_text("x")
    number = school.new(
        "playbooks/ask.yml", extra_var=f"notice=Closed {attacked.template}", input=f"roster={roster}"
    )
    school.fitsom("change", "submit", number)
    output = ""
    for words, acting_as, as_json in (
        (["change", "plan", number], "", False),
        (["change", "approve", number], "head", True),
        (["run", "start", number], "", False),
        (["change", "list"], "", False),
        (["change", "show", number], "", False),
        (["change", "show", number], "", True),
        (["report", "show", number], "", False),
        (["tick"], "", True),
        (["audit", "verify"], "", True),
    ):
        answer = school.fitsom(*words, acting_as=acting_as, json_answer=as_json)
        assert "Traceback" not in answer.err
        output += answer.out + answer.err
    assert school.change(number)["state"] == "succeeded"
    return output


def test_no_word_of_theirs_was_executed(attacked: Attacked, printed: str) -> None:
    assert not attacked.proof.exists()


def test_a_version_that_is_a_template_is_planned_for_nobody(attacked: Attacked, printed: str) -> None:
    written = (attacked.school.truth / "pc1").read_text()
    assert "openssl" not in written


def test_what_was_requested_is_written_as_it_was_typed(attacked: Attacked, printed: str) -> None:
    written = (attacked.school.truth / "pc1").read_text()
    assert f"Closed {attacked.template}" in written
    assert Path(written.partition(attacked.template)[2].strip()).name.startswith("{{ lookup('pipe'")


def test_the_terminal_shows_what_it_would_obey(printed: str) -> None:
    assert not set(printed) & set("\x1b\u202e")
    assert "All is well" in printed
    assert "[/oops]" in printed


def test_each_host_whose_answer_does_not_fit_is_named(attacked: Attacked, printed: str) -> None:
    rows = attacked.school.rows("select host, facts from host_outcome")
    unreadable = {str(host) for host, facts in rows if "facts-unreadable" in str(facts)}
    assert unreadable == {"pc1", "pc2", "pc4", "pc5", "pc6"}
