"""Prose that can be reviewed and read: lines of at most 100 columns, and none of the words that we gave up.

What may be longer in Markdown: rows of tables, code blocks (fenced, or indented by four spaces), the target of a link,
and what a script writes. Templates and style sheets have no exception.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WIDTH = 100
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()
GENERATED = {"docs/reference/cli.md"}
MARKDOWN = sorted(p for p in TRACKED if p.endswith(".md") and p not in GENERATED and (ROOT / p).is_file())
TEMPLATES = sorted(
    p
    for p in TRACKED
    if (p.startswith("fitsom_runner/reports/templates/") or p.endswith(".css")) and (ROOT / p).is_file()
)

_GENERATED_PART = re.compile(r"<!-- variables: begin.*?<!-- variables: end -->", re.DOTALL)
_FENCED = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"^ {4,}.*$", re.MULTILINE)
_TABLE_ROW = re.compile(r"^\|.*$", re.MULTILINE)
_CODE_SPAN = re.compile(r"`[^`]+`")
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)|<?https?://[^\s>)]+>?")

#: What must not come back, with what to write instead.
GIVEN_UP = {
    r"can not": "cannot",
    r"fore(tells?|told|telling)": "predict",
    r"fore(see|sees|seen|saw|seeing|sight)": "predict, prediction",
    r"(is|are|was|were|be|been) no (key|name|variable|host|member|part|change) of": "is not a ... of",
    r"nets": "networks",
    r"(is|are|was|were|be|been) (all )?told": "is reported, is informed",
    r"tells? of": "reports, says",
    r"told (by|at once)": "given by, reported at once",
    r"rules? (that )?(meets?|meeting)": "overlap",
    r"(came|comes?) (about|besides)": "happened, in addition",
    r"brought? to light": "found, reported",
    r"knobs?": "setting",
    r"the deed": "the run",
    r"mend(s|ed|ing)?": "repair, correct",
    r"can be had|to be had": "is available",
    r"no \w+ (was|were) seen|(was|were) seen (by|at|on|in) no": "not tested on",
    r"(never|not) seen at work": "never run",
    r"stands? (in|under) (the|a|no|plans?|reports?)": "is in",
    r"the whole house": "a whole change",
    r"state (found|wanted)|(found|wanted) state": "existing state, desired state",
}
_GIVEN_UP = {
    re.compile(rf"\b(?:{bad.replace(' ', chr(92) + 's+')})\b", re.I): good for bad, good in GIVEN_UP.items()
}


def _blank(text: str, *patterns: re.Pattern[str]) -> str:
    """The text with what matches left out and every line still at its number."""
    for pattern in patterns:
        text = pattern.sub(lambda match: "\n" * match[0].count("\n"), text)
    return text


def long_lines(path: Path) -> list[str]:
    """Each line that is too long, as "number: its begin"."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        text = _blank(text, _GENERATED_PART, _FENCED, _INDENTED, _TABLE_ROW)
        text = _LINK_TARGET.sub("]()", text)
    return [f"{n}: {line[:60]}" for n, line in enumerate(text.split("\n"), 1) if len(line) > WIDTH]


def given_up_words(path: Path) -> list[str]:
    """Each use of a word that we gave up, as "number: word (write: better)"; code is not prose, tables are."""
    text = _blank(path.read_text(encoding="utf-8"), _GENERATED_PART, _FENCED, _INDENTED, _CODE_SPAN)
    return [
        f"{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r} (write: {better})"
        for pattern, better in _GIVEN_UP.items()
        for match in pattern.finditer(text)
    ]


@pytest.mark.parametrize("path", [*MARKDOWN, *TEMPLATES])
def test_lines_fit_a_review(path: str) -> None:
    assert long_lines(ROOT / path) == []


@pytest.mark.parametrize("path", MARKDOWN)
def test_words_are_those_of_a_technician(path: str) -> None:
    assert given_up_words(ROOT / path) == []


def test_the_files_are_found() -> None:
    assert {"README.md", "docs/architecture.md", "roles/baseline/README.md"} <= set(MARKDOWN)
    assert "fitsom_runner/reports/templates/report.css" in TEMPLATES


LONG = "word " * 20 + "end"  # 103 columns


@pytest.mark.parametrize(
    ("name", "text", "numbers"),
    [
        ("prose.md", f"# Title\n\n{LONG}\n", ["3"]),
        ("prose.md", f"- {LONG}\n", ["1"]),
        ("prose.md", "x" * 100 + "\n", []),
        ("prose.md", "x" * 101 + "\n", ["1"]),
        ("prose.md", f"| {LONG} |\n\n    {LONG}\n\n```console\n{LONG}\n```\n", []),
        ("prose.md", f"```\ncode\n```\n{LONG}\n", ["4"]),
        ("prose.md", f"- [short]({'x' * 100})\n- [{'word ' * 20}](y)\n", ["2"]),
        ("prose.md", f"<!-- variables: begin (x) -->\n{LONG}\n<!-- variables: end -->\n{LONG}\n", ["4"]),
        ("page.html.j2", f"    {LONG}\n| {LONG}\n", ["1", "2"]),
        ("page.css", f"/* {LONG} */\n", ["1"]),
    ],
)
def test_a_line_that_is_too_long_is_found(tmp_path: Path, name: str, text: str, numbers: list[str]) -> None:
    (tmp_path / name).write_text(text)
    assert [found.partition(":")[0] for found in long_lines(tmp_path / name)] == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It can not be undone.\n", ["1"]),
        ("It\ncan\nnot be undone.\n", ["2"]),
        ("Check mode foretells it.\n", ["1"]),
        ("What the plan foresaw.\n", ["1"]),
        ("`owner` is no key of a rule.\n\nSeveral nets.\n", ["1", "3"]),
        ("Every fault is told at once.\n", ["1"]),
        ("| two rules meet | a file |\n", ["1"]),
        ("No Windows was seen.\n", ["1"]),
        ("`fitsom_foresight.py`\n\n    can not\n\n```\ncan not\n```\n", []),
        ("It cannot be undone; subnets and networks are predicted.\n", []),
    ],
)
def test_a_word_that_was_given_up_is_found(tmp_path: Path, text: str, numbers: list[str]) -> None:
    (tmp_path / "prose.md").write_text(text)
    found = given_up_words(tmp_path / "prose.md")
    assert sorted({line.partition(":")[0] for line in found}) == numbers
