"""No form of a known secret survives in a text."""

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fitsom_runner.ansible.masking import MASK, Masker, forms_of

SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=40).filter(
    lambda s: len(s.strip()) >= 4 and set(s) - set("*")
)
AROUND = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def lowered(text: str) -> str:
    """Percent-encoded bytes in small letters, as some tools write them."""
    return re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), text)


def written_forms(secret: str, before: str, after: str) -> dict[str, str]:
    """A text with the secret in it, in every form that it may take."""
    complete = (before + secret + after).encode()
    return {
        "raw": before + secret + after,
        "stripped": before + secret.strip() + after,
        "base64": base64.b64encode(complete).decode(),
        "base64, for addresses": base64.urlsafe_b64encode(complete).decode(),
        "in an address": before + quote(secret, safe="") + after,
        "in an address, in small letters": before + lowered(quote(secret, safe="")) + after,
        "in a path": before + quote_plus(secret) + after,
        "JSON": json.dumps(before + secret + after),
        "JSON in UTF-8": json.dumps(before + secret + after, ensure_ascii=False),
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
