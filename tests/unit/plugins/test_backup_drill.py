"""A restore drill draws, compares and judges."""

import os
from pathlib import Path

import pytest

from plugins.module_utils.backup.drill import digest, is_unchanged, pattern, sample, sentence, verdict

NODES = [{"path": f"/srv/{n}", "type": "file", "size": n} for n in range(100)] + [
    {"path": "/srv", "type": "dir"}
]
SET = {"name": "homes", "rto_minutes": 30}


def drill(**expected: object) -> dict[str, object]:
    told_of_all = {"snapshot": "abc", "files": 10, "bytes": 1000, "seconds": 60.0, "whole": True, "same": 9}
    return {**told_of_all, "missing": [], "wrong": [], **expected}


def test_a_sample_is_of_files_and_the_same_for_a_snapshot() -> None:
    drawn = sample(NODES, 10, "abc")
    assert len({node["path"] for node in drawn}) == 10
    assert drawn == sample(NODES[::-1], 10, "abc")
    assert drawn != sample(NODES, 10, "abd")


@pytest.mark.parametrize("number", [0, 100, 500])
def test_the_whole_is_every_file(number: int) -> None:
    assert len(sample(NODES, number, "abc")) == 100


def test_wildcards_in_names_mean_themselves() -> None:
    assert pattern("/a [1]*?\\") == "/a \\[1]\\*\\?\\\\"


def test_a_file_is_untouched_by_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("abc")
    os.utime(path, (1000, 1000))
    assert is_unchanged({"size": 3}, str(path), 1000.4)
    assert not is_unchanged({"size": 4}, str(path), 1000)
    assert not is_unchanged({"size": 3}, str(path), 1001)
    assert not is_unchanged({"size": 3}, str(tmp_path / "none"), 1000)


def test_a_digest_tells_files_apart(tmp_path: Path) -> None:
    for name, text in (("one", "a"), ("two", "b"), ("three", "a")):
        (tmp_path / name).write_text(text)
    certificate, two, three = (digest(str(tmp_path / name)) for name in ("one", "two", "three"))
    assert certificate == three != two
    assert digest(str(tmp_path / "none")) is None


def test_what_comes_back_in_time_is_no_finding() -> None:
    assert verdict("srv1: homes", SET, drill()) == []


def test_what_does_not_come_back_is_an_exception() -> None:
    (result,) = verdict("srv1: homes", SET, drill(missing=["/a"], wrong=["/b"]))
    assert (result["kind"], result["severity"]) == ("restore-failed", "exception")
    assert "2 of 10 files of homes" in result["what"]
    assert "/a" not in str(result), "a path may hold a pupil's name"


def test_a_whole_set_that_takes_too_long_is_an_exception_and_a_sample_is_not() -> None:
    (result,) = verdict("srv1: homes", SET, drill(seconds=1801.0))
    assert result["kind"] == "restore-slow"
    assert verdict("srv1: homes", SET, drill(seconds=1801.0, whole=False)) == []


def test_the_evidence_is_a_sentence() -> None:
    assert sentence(SET, drill(missing=["/a"])) == (
        "The whole of homes: 9 of 10 files (1.0 kB) came back in 1 minute (30 minutes are allowed);"
        " 9 were compared by SHA-256 with the live."
    )
