"""No form of a known secret survives in a text."""

import base64
import html
import json
import re
import shlex
import subprocess
import time
from urllib.parse import quote, quote_plus

import markupsafe
import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st
from jinja2.utils import htmlsafe_json_dumps

from fitsom_runner.ansible.masking import MASK, WORDS, Masker, forms_of, worth_hiding

SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=40).filter(
    lambda s: worth_hiding(s) and set(s) - set("*") and not s.strip().isdigit()
)
AROUND = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def lowered(text: str) -> str:
    """Percent-encoded bytes in small letters, as some tools write them."""
    return re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), text)


def written_forms(secret: str, before: str, after: str) -> dict[str, str]:
    """A text with the secret in it, in every form that it may take. Not made by the masker's own code."""
    complete = before + secret + after
    data = complete.encode()
    return {
        "raw": complete,
        "stripped": before + secret.strip() + after,
        "base64": base64.b64encode(data).decode(),
        "base64, for addresses": base64.urlsafe_b64encode(data).decode(),
        "base64 of UTF-16": base64.b64encode(complete.encode("utf-16-le")).decode(),
        "base64 of base64": base64.b64encode(base64.b64encode(secret.encode())).decode(),
        "in an address": before + quote(secret, safe="") + after,
        "in an address, in small letters": before + lowered(quote(secret, safe="")) + after,
        "in an address of an address": before + quote(quote(secret, safe=""), safe="") + after,
        "in a path": before + quote_plus(secret) + after,
        "JSON": json.dumps(complete),
        "JSON in UTF-8": json.dumps(complete, ensure_ascii=False),
        "JSON in JSON": json.dumps(json.dumps(complete)),
        "repr": repr(complete),
        "repr of bytes": repr(data),
        "repr in a list": repr([complete, 1]),
        "repr in JSON": json.dumps(repr(complete)),
        "JSON in a repr": repr(json.dumps(complete)),
        "HTML": before + html.escape(secret) + after,
        "HTML without quotes": before + html.escape(secret, quote=False) + after,
        "HTML of Jinja2": str(markupsafe.escape(complete)),
        "JSON in HTML": str(markupsafe.escape(json.dumps(complete))),
        "Jinja2's tojson": str(htmlsafe_json_dumps(complete)),
        "a shell's word": shlex.quote(complete),
        "of bash": before + secret.replace("'", "'\\''") + after,
        "YAML": yaml.safe_dump({"key": complete}, allow_unicode=True, width=10**6),
        "YAML in ASCII": yaml.safe_dump({"key": complete}, width=10**6),
        "in single quotes": before + secret.replace("'", "''") + after,
        "a regular expression": before + re.escape(secret) + after,
        "hexadecimal": data.hex(),
        "hexadecimal in capitals": data.hex().upper(),
        "hexadecimal with colons": data.hex(":"),
        "hexadecimal with \\x": "".join(f"\\x{byte:02x}" for byte in data),
        "hexadecimal of UTF-16": complete.encode("utf-16-le").hex(),
    }


def recovered(form: str, text: str) -> str:
    """What a reader could make of the masked text."""
    if form.startswith("base64"):
        decode = base64.urlsafe_b64decode if "addresses" in form else base64.b64decode
        longest = max(text.split(MASK), key=len)
        return decode(longest[: len(longest) // 4 * 4]).decode("utf-8", "replace")
    return text


@given(SECRETS, AROUND, AROUND)
@example("s3cr3t/+?&", "", "")
@example('pass\nword\tof "quotes" and \\', "a", "b")
@example("größe-geheim", "x", "")
@example("it's <b>\"5\" & 'ü'</b>", "", "")
@example("00\x850", "", "")
@example("two\n\nends\u2028of'lines", "x", "")
@example("a'b\"c\\\\d$e`f!g", "'", '"')
def test_no_form_of_a_secret_survives(secret: str, before: str, after: str) -> None:
    masker = Masker([secret])
    assume(secret.strip() not in before + MASK + after)
    for form, text in written_forms(secret, before, after).items():
        masked = masker.text(text)
        assert MASK in masked, form
        assert not any(
            known_form in masked for known_form in forms_of(secret) if not set(known_form) <= set("*")
        ), form
        assert secret.strip() not in recovered(form, masked), form


@pytest.mark.parametrize("shift", range(6))
@pytest.mark.parametrize("secret", ["hunter2", "correct horse battery staple", "ü€😀ß!"])
def test_base64_is_found_at_any_alignment(secret: str, shift: int) -> None:
    text = base64.b64encode(("u" * shift + ":" + secret + "@host").encode()).decode()
    assert MASK in Masker([secret]).text(f"Authorization: Basic {text}")


def test_a_secret_of_many_lines_is_hidden_line_by_line_too() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n  kqhkiG9w0BAQEF\nzz\n-----END KEY-----\n"
    masked = Masker([key]).text("--- before\n+MIIEvQIBADANBg\n+kqhkiG9w0BAQEF\n")
    assert "MIIEvQIBADANBg" not in masked
    assert "kqhkiG9w0BAQEF" not in masked


def test_a_secret_that_holds_another_is_hidden_whole() -> None:
    assert Masker(["hunter", "hunter2000"]).text("x hunter2000 y") == f"x {MASK} y"


def test_values_and_keys_are_masked_at_any_depth() -> None:
    value = {"a": ["hunter2", {"hunter2": ("x hunter2",)}], "n": 1, "b": True, "z": None}
    assert Masker(["hunter2"]).value(value) == {
        "a": [MASK, {MASK: [f"x {MASK}"]}],
        "n": 1,
        "b": True,
        "z": None,
    }


@pytest.mark.parametrize("secrets", [[], ["abc"], ["", "   ", " a "]])
def test_what_is_too_short_to_be_a_secret_blots_out_nothing(secrets: list[str]) -> None:
    text = "abc a  and ordinary words"
    assert Masker(secrets).text(text) == text
    assert Masker(secrets).value({"abc": text}) == {"abc": text}


@given(AROUND)
def test_text_without_secrets_stays_as_it_is(text: str) -> None:
    assume("hunter2" not in text)
    assert Masker(["hunter2-of-the-lodge"]).text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "pin 4711, then",
        "4711",
        "wifi4711",
        "-4711.0",
        "a%204711",
        r"\u00fc4711x",
        "NDcxMQ==",
        "user:4711 dXNlcjo0NzEx",
    ],
)
def test_a_short_number_is_hidden(text: str) -> None:
    assert "4711" not in Masker(["4711"]).text(text)
    assert MASK in Masker(["4711"]).text(text)


def test_a_short_number_leaves_longer_numbers_alone() -> None:
    text = "24711 47110 2026-11-27T10:47:11 sha256 0a47110b"
    assert Masker(["4711"]).text(text) == text


def test_a_number_is_hidden_as_a_value_too() -> None:
    masked = Masker(["481516", "2.75e10"]).value({"a": 481516, "b": [481516.0, 5], "c": True, 481516: None})
    assert masked == {"a": MASK, "b": [f"{MASK}.0", 5], "c": True, MASK: None}


def test_what_json_does_not_have_is_hidden() -> None:
    assert Masker(["hunter2"]).value({"a": {"hunter2"}, "b": b"hunter2"}) == {
        "a": f"{{'{MASK}'}}",
        "b": f"b'{MASK}'",
    }


@pytest.mark.parametrize("word", sorted(WORDS))
def test_ordinary_words_stay(word: str) -> None:
    text = f"{word} {word.upper()} {word}s"
    assert Masker([word, f" {word.title()}\n"]).text(text) == text


@pytest.mark.parametrize("text", ["state: present", "users:\n", "  - enabled: yes"])
def test_lines_of_a_secret_file_that_tell_nothing_stay(text: str) -> None:
    assert Masker([f"{text}\npassword: hunter2-db\n"]).text(f"+{text}") == f"+{text}"


def test_base64_and_hexadecimal_digits_that_are_broken_into_lines_are_hidden() -> None:
    secret = "the pass phrase of the vault, and it is a long one"
    data = f"{{\n  user: ann, password: {secret}, shell: /bin/sh\n}}\n".encode() * 2
    encoded = base64.encodebytes(data).decode()
    digits = "\n".join(data.hex(":")[start : start + 45] for start in range(0, len(data) * 3, 45))
    masker = Masker([secret])
    for broken in (encoded, encoded.replace("\n", "\r\n"), encoded.replace("\n", "\n    "), digits):
        for text in (f"data:\n{broken}end", json.dumps(f"data:\n{broken}end")):
            masked = masker.text(text)
            assert MASK in masked
            for line in broken.split():
                assert line not in masked
            assert "data:" in masked


def test_a_key_in_json_or_with_other_line_ends_is_hidden() -> None:
    key = "-----BEGIN KEY-----\r\nMIIEvQIBADANBg/\r\nkqhkiG9w0BAQEF+\r\n-----END KEY-----\r\n"
    masker = Masker([key])
    for text in (
        key,
        key.replace("\r\n", "\n"),
        json.dumps(key),
        json.dumps(key.replace("\r\n", "\n")),
        repr(key),
    ):
        assert "MIIE" not in masker.text(f"x {text} y")


@pytest.mark.parametrize(
    "secret", ["it's $5 & more, (no)!", "tab\tsecond\n\\", "~home#x{a,b}*?[c]", "sch\u00f6n's", 'a"b`c$d\\e']
)
def test_what_bash_prints_is_hidden(secret: str) -> None:
    process = subprocess.run(
        ["bash", "-c", 'printf \'%q\\n\' "$1"; set -x; : "$1"; x=$1; declare -p x', "-", secret],
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C.UTF-8"},
    )
    printed = process.stdout + process.stderr
    masked = Masker([secret]).text(printed)
    assert masked.count(MASK) == 4, (printed, masked)


@pytest.mark.parametrize(
    ("secret", "written"),
    [
        ("q\"uote's", "[Convert]::FromBase64String('" + base64.b64encode("iex q\"uote's".encode("utf-16-le")).decode()),
        ("foo'bar baz", "+ echo 'foo'\\''bar baz'"),  # jenkinsci/credentials-binding-plugin#59
        ("1234", "MTIzNAo="),  # actions/runner#291
        ("joker-!0", "password=joker-%210"),  # SAP/jenkins-library#2284
        ("a\"b<c>", '<td title="a&#x22;b&lt;c&gt;">'),
        ("ab\"cd\"", 'a,"ab""cd""",c'),
        ("pa$$word`1", 'echo "pa`$`$word``1"'),
        ("pa$$word`1", 'echo "pa\\$\\$word\\`1"'),
        ("it's", "echo 'it''s'"),
        ("a.b*c", "^a\\.b\\*c$"),
        ("hunter2", "00:68:75:6e:74:65:72:32"),
        ("hunter2", "68 75 6E 74 65 72 32"),
        ("hunter2", "{0x68, 0x75, 0x6e, 0x74, 0x65, 0x72, 0x32}"),
        ("p\udcffss\udcfe", base64.b64encode(b"x p\xffss\xfe").decode()),  # bytes that are no text
        ("p\udcffss\udcfe", "p\ufffdss\ufffd"),
    ],
)  # fmt: skip
def test_forms_that_programs_print_are_hidden(secret: str, written: str) -> None:
    masked = Masker([secret]).text(written)
    assert MASK in masked
    assert secret not in masked


def test_many_secrets_are_quick() -> None:
    """Seconds, where an alternation of all forms takes minutes; generous, since tests share their machine."""
    masker = Masker(f"secret number {n} of 'many' & more" for n in range(200))
    began = time.process_time()
    masker.text("some words of a log, and a number 4711\n" * 10_000)
    assert time.process_time() - began < 5
