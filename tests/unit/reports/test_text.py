"""What hosts say is cleaned, and is never markup."""

import pytest

from fitsom_runner.reports import text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x00b\x07c\x7fd\x85e", "abcde"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("user\u202egnp.exe\u2066", "usergnp.exe"),
        ("half \ud800 pair", "half  pair"),
    ],
)
def test_clean(said: str, shown: str) -> None:
    assert text.clean(said) == shown


def test_a_long_error_keeps_both_ends_and_says_what_is_missing() -> None:
    shortened = text.shorten("A" + "x" * 20_000 + "Z", 100)
    assert shortened[0] == "A"
    assert shortened[-1] == "Z"
    assert "19,902 characters left out" in shortened
    assert text.shorten("short") == "short"


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (list("abcde"), "a, b, c, d and e"),
        (list("abcdef"), "a, b, c, d and 2 others"),
    ],
)
def test_listed(items: list[str], said: str) -> None:
    assert text.listed(items) == said


def test_count() -> None:
    assert [text.count(n, "update") for n in (0, 1, 12_000)] == ["0 updates", "1 update", "12,000 updates"]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("a | b", "a \\| b"),
        ("<script>", "&lt;script>"),
        ("two\nlines", "two lines"),
        ("snake_case stays", "snake_case stays"),
        ("*bold* [x](y)", "\\*bold\\* \\[x\\](y)"),
        ("# head", "\\# head"),
        ("1. item", "1\\. item"),
        ("3.0.1 is a version", "3.0.1 is a version"),
        ("&lt;b", "&amp;lt;b"),
    ],
)
def test_markdown(said: str, written: str) -> None:
    assert text.markdown(said) == written


def test_no_text_ends_its_own_code() -> None:
    fenced = text.fence("````\nafter")
    assert fenced.startswith("`````text\n")
    assert text.fence("`\u200b``").startswith("````text")
    assert text.code("a`b|c") == "``a`b\\|c``"


def test_a_host_name_keeps_its_small_letter() -> None:
    assert text.sentence("srv1 failed") == "srv1 failed."
    assert text.sentence("the server failed!") == "The server failed!"
