"""Hide known secrets in text, in every form that programs write them in.

Standard library only: the callback plugin uses it too.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "********"
SHORTEST = 4  # shorter strings would blot out half of every report, and protect nothing
LONG = 10_000  # a secret of more characters is a file: it is hidden as it is, in JSON and in base64
LINE = 8  # a line of a longer secret; shorter ones are "fi", "done" or "}"
FEW_DIGITS = 8  # up to so many digits are only hidden where no other digit stands beside them
#: Ordinary words are no secrets, wherever they are kept: hiding them would spoil reports, and tell what they are.
WORDS = {
    "absent", "action", "admin", "administrator", "after", "before", "changed", "changes", "checks", "default", "diff",
    "directory", "disabled", "done", "downgrade", "enabled", "evidence", "exception", "expiring", "facts", "failed",
    "false", "file", "findings", "guest", "http", "https", "ignored", "informational", "install", "item", "items",
    "kind", "latest", "ldap", "link", "localhost", "name", "names", "no", "none", "notes", "null", "objects", "off",
    "on", "packages", "password", "planned", "present", "reasons", "reboot", "remove", "required", "restarted", "root",
    "secret", "security", "services", "severity", "skipped", "started", "stopped", "test", "true", "type", "undone",
    "unreachable", "upgrade", "user", "users", "warning", "what", "yes",
}  # fmt: skip
_SETTING = re.compile(r"[- ]*[\w.]+ *[:=] *(\w*)")
_PERCENT = re.compile("%[0-9A-F]{2}")
_HEXADECIMAL_ESCAPE = re.compile(r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}")
_ESCAPED_CHARACTER = re.compile(r"(?:%|\\x|\\u[0-9A-Fa-f]{2})[0-9A-Fa-f]{2}\Z")
_LINE_ENDS = re.compile("[\n\x85\u2028\u2029]+")  # YAML 1.1, 4.2
_OF_A_SHELL = re.compile(r"[^\w@%+=:,./-]", re.ASCII)
_OF_BASH = re.compile(r"[ '\"\\|&;()<>!{}*\[\]?^$`,]|^[~#]|(?<=[:=])~")
_CONTROL = {
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\E",
}
_DOUBLE = ("&quot;", "&#34;", "&#x22;", '"')
_SINGLE = ("&#x27;", "&#39;", "&#039;", "&apos;", "'")
#: Lines of base64 or hexadecimal digits, as base64, openssl and hexdumps break them.
_BROKEN_LINES = re.compile(
    r"(?<![A-Za-z0-9+/_:-])(?:[A-Za-z0-9+/_:-]{12,200}={0,2}(?:\r?\n|(?:\\r)?\\n)[ \t]*)+[A-Za-z0-9+/_:-]+={0,2}"
)
_BREAK = re.compile(r"(?:\r?\n|(?:\\r)?\\n)[ \t+-]*")


class Masker:
    """Replaces every form of the given secrets by asterisks."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[str] = set()
        for secret in secrets:
            for part in _parts(secret):
                forms |= forms_of(part, file=len(secret) > LONG)
        #: {how forms begin: these forms}, longest first, so that a secret that contains another is hidden whole.
        self._forms: dict[str, list[str]] = {}
        for form in sorted(forms, key=len, reverse=True):
            self._forms.setdefault(form[:SHORTEST], []).append(form)

    def text(self, value: str) -> str:
        """The text without secrets."""
        if not self._forms:
            return value
        return self._plain(_BROKEN_LINES.sub(self._joined, value))

    def value(self, value: Any) -> Any:
        """Any value as JSON has it, without secrets, keys included. What JSON does not have becomes a text."""
        if not self._forms or value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(k): self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(v) for v in value]
        written = str(value)
        masked = self.text(written)
        return value if masked == written and isinstance(value, int | float) else masked

    def _plain(self, text: str) -> str:
        """A search with a table of beginnings: an alternation of all forms would take twenty times as long."""
        kept, end = [], 0
        for start in range(len(text) - SHORTEST + 1):
            forms = self._forms.get(text[start : start + SHORTEST])
            if forms is None or start < end:
                continue
            for form in forms:
                if text.startswith(form, start) and not _in_a_longer_number(text, start, form):
                    kept += [text[end:start], MASK]
                    end = start + len(form)
                    break
        return "".join([*kept, text[end:]]) if kept else text

    def _joined(self, lines: re.Match[str]) -> str:
        """A block of broken lines; as a whole hidden, if a secret shows once they are joined."""
        text = lines.group()
        joined = _BREAK.sub("", text)
        return MASK if self._plain(joined).count(MASK) > self._plain(text).count(MASK) else text


def worth_hiding(secret: str) -> bool:
    """Whether it is long enough, and no ordinary word."""
    word = secret.strip()
    return len(word) >= SHORTEST and word.casefold() not in WORDS


def forms_of(secret: str, *, file: bool = False) -> set[str]:
    """Every way in which one secret may appear in a text. `file`: one of the thousands of lines of a file, or all."""
    if not worth_hiding(secret):
        return set()
    forms: set[str] = set()
    for raw in {secret, secret.strip()}:
        data = _bytes(raw)
        forms |= {raw, data.decode("utf-8", "replace"), json.dumps(raw)[1:-1], *_base64_forms(data)}
        if file:
            continue
        if not raw.isascii() or not raw.isalnum():
            forms |= _written(raw)
            for inner in _escaped(raw) - {
                raw
            }:  # a text inside a text: JSON in JSON, a shell's line in a report
                forms |= {*_escaped(inner), *_html(inner)}
        utf_16 = raw.encode("utf-16-le", "surrogatepass")  # PowerShell -EncodedCommand
        forms |= {*_base64_forms(utf_16), *_hexadecimal(data), *_hexadecimal(utf_16)}
        forms |= _base64_forms(base64.b64encode(data))
    return {form for form in forms if len(form) >= SHORTEST and not set(form) <= set("*")}


def _parts(secret: str) -> Iterator[str]:
    """A secret, and each line of it: differences show one, some or all of them."""
    yield secret
    if "\n" in secret.strip():
        yield secret.replace("\r\n", "\n")
        for line in map(str.strip, secret.splitlines()):
            setting = _SETTING.fullmatch(line)
            if len(line) >= LINE and not (setting and setting[1].casefold() in WORDS | {""}):
                yield line


def _in_a_longer_number(text: str, start: int, form: str) -> bool:
    """A PIN of 4711 is not hidden in 2471100, which is another number."""
    if len(form) > FEW_DIGITS or not form.isdigit():
        return False
    before, after = text[max(0, start - 6) : start], text[start + len(form) : start + len(form) + 1]
    return after.isdigit() or (before[-1:].isdigit() and not _ESCAPED_CHARACTER.search(before))


def _bytes(text: str) -> bytes:
    """What a text was before it was decoded; what was no text then came as half of a pair of surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _escaped(raw: str) -> set[str]:
    """As a string of a programming language, and as a shell's word: what is then often put into another text."""
    of_bytes = repr(_bytes(raw))[2:-1]
    forms = {
        json.dumps(raw)[1:-1],
        json.dumps(raw, ensure_ascii=False)[1:-1],
        _python(repr(raw)[1:-1], raw),
        _python(ascii(raw)[1:-1], raw),
        of_bytes.replace("\\'", "'"),
        raw.replace("'", "'\"'\"'"),  # shlex.quote, Ansible's filter quote
        raw.replace("'", "'\\''"),  # bash -x
    }
    forms |= {form.replace("'", "\\'") for form in forms if "'" in form and "\\'" not in form}
    return forms


def _python(written: str, raw: str) -> str:
    """Python escapes an apostrophe only where the text has both kinds of quotes."""
    return written.replace("\\'", "'") if "'" in raw else written


def _written(raw: str) -> set[str]:
    """In all languages that lie between a variable and a report."""
    forms = _escaped(raw)
    forms |= {
        raw.replace("'", "''"),  # YAML, SQL, PowerShell
        raw.replace('"', '""'),  # CSV
        re.sub(r'([`"$])', r"`\1", raw),  # PowerShell
        re.sub(r'([\\"$`])', r"\\\1", raw),  # a shell's word in double quotes
        re.sub(r'([\\"$`!])', r"\\\1", raw),
        _OF_A_SHELL.sub(r"\\\g<0>", raw),
        _OF_BASH.sub(r"\\\g<0>", raw),  # printf %q
        _ansi_c(raw),
        _yaml(raw, also_readable=True),
        _yaml(raw, also_readable=False),
        re.escape(raw),  # Ansible's filter regex_escape
        json.dumps(raw)[1:-1].replace("/", "\\/"),  # PHP
    }
    if _LINE_ENDS.search(raw):  # YAML's single quotes, at several depths
        doubled = raw.replace("'", "''")
        for depth in (2, 4, 6, 8):
            forms.add(doubled.replace("\n", f"\n\n{' ' * depth}"))
            forms.add(_LINE_ENDS.sub(lambda found: _folded(found.group(), depth), doubled))  # noqa: B023
    forms |= {re.sub("[<>&']", lambda found: f"\\u{ord(found.group()):04x}", form) for form in forms if form}
    forms |= {
        _HEXADECIMAL_ESCAPE.sub(lambda found: found.group()[:2] + found.group()[2:].upper(), form)
        for form in forms
    }
    forms |= _html(raw)
    forms |= _in_addresses(raw)
    return forms


def _folded(ends: str, depth: int) -> str:
    """Ends of lines as PyYAML writes them in single quotes: a line feed at the head of several is doubled."""
    return ("\n" if ends.startswith("\n") else "") + ends + " " * depth


def _yaml(raw: str, *, also_readable: bool) -> str:
    """YAML's double quotes; PyYAML escapes what is not ASCII, unless it is asked not to."""
    special = {
        "\0": "\\0",
        '"': '\\"',
        "\\": "\\\\",
        "\x85": "\\N",
        "\xa0": "\\_",
        "\u2028": "\\L",
        "\u2029": "\\P",
    }
    special |= {**_CONTROL, "\x1b": "\\e"}

    def written(character: str) -> str:
        readable = "\xa0" <= character <= "\ud7ff" or "\ue000" <= character <= "\ufffd"
        if " " <= character <= "~" or (readable and not also_readable and character != "\ufeff"):
            return special.get(character, character) if character in '"\\\u2028\u2029' else character
        if character in special:
            return special[character]
        code = ord(character)
        return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"

    return "".join(map(written, raw))


def _ansi_c(raw: str) -> str:
    """bash's $'...'."""
    special = {"\\": "\\\\", "'": "\\'", **_CONTROL}
    return "".join(special.get(character, character) for character in raw)


def _html(raw: str) -> set[str]:
    """Of HTML and XML; Jinja2 and Python write quotes in other ways than browsers and PHP."""
    text = html.escape(raw, quote=False)
    forms = {text}
    for double, single in product(_DOUBLE, _SINGLE):
        forms.add(text.replace('"', double).replace("'", single))
    forms |= {form.encode("ascii", "xmlcharrefreplace").decode() for form in forms}
    return forms


def _in_addresses(raw: str) -> set[str]:
    """Percent-encoded, once and twice; Ansible's filter urlencode leaves a slash as it is."""
    ways: tuple[Callable[[str], str], ...] = (
        lambda text: quote(_bytes(text), safe=""),
        lambda text: quote(_bytes(text)),
        lambda text: quote_plus(_bytes(text)),
        lambda text: quote(_bytes(text), safe="!*'()/:;,$@&=+?"),  # browsers leave more as it is
        lambda text: quote(_bytes(text), safe="!*'()"),
    )
    forms = {way(raw) for way in ways}
    forms |= {quote(form, safe=safe) for form in forms for safe in ("", "/")}
    forms |= {_PERCENT.sub(lambda found: found.group().lower(), form) for form in forms}
    return forms


def _hexadecimal(data: bytes) -> Iterator[str]:
    """As xxd, openssl and programs write it."""
    for written in (data.hex, lambda *separator: data.hex(*separator).upper()):
        yield written()
        yield from (written(separator) for separator in ": -")
        yield "\\x" + written(" ").replace(" ", "\\x").replace("\\X", "\\x")
        yield from ("0x" + written(" ").replace(" ", f"{comma}0x") for comma in (",", ", "))


def _base64_forms(data: bytes) -> set[str]:
    """Base64 of the secret alone, and its invariant middle at any position inside a longer text."""
    forms: set[str] = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        full = encode(data).decode()
        forms |= {full, full.rstrip("=")}
        for shift in range(3):
            encoded = encode(b"\0" * shift + data).decode().rstrip("=")
            middle = encoded[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6]
            if len(middle) >= SHORTEST:
                forms.add(middle)
    return forms
