"""Small pure helpers for text: cleaning what hosts reported, counting, listing."""

import re
from collections.abc import Sequence

from fitsom_runner.reading import ESCAPES, UNSEEN

ERROR_LIMIT = 6000
DASH = "\u2013"


def clean(text: str) -> str:
    """Text fit to show: no terminal codes, no control characters but tab and newline, no hidden marks."""
    if not UNSEEN.search(text):
        return text
    text = ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return UNSEEN.sub("", text)


def shorten(text: str, limit: int = ERROR_LIMIT) -> str:
    """The beginning and end of a long text, saying how much is left out between."""
    text = clean(text).strip("\n")
    if len(text) <= limit:
        return text
    half = limit // 2
    left_out = f"[{len(text) - 2 * half:,} characters left out; the JSON report has them]"
    return f"{text[:half]}\n{left_out}\n{text[-half:]}"


def count(number: int, noun: str, plural: str = "") -> str:
    """1 update, 2 updates, 0 updates; 12,000 updates."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(items: Sequence[str], limit: int = 5) -> str:
    """a; a and b; a, b and c; a, b, c and 14 others."""
    parts = list(items)
    if len(parts) > limit:
        parts = [*parts[: limit - 1], count(len(parts) - limit + 1, "other")]
    if len(parts) <= 1:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(text: str) -> str:
    """The text with a capital first letter and an end mark; a name like srv1 keeps its small letter."""
    text = text.strip()
    if not text:
        return ""
    initial = text[0].upper() if text.split()[0].strip(",;:").isalpha() else text[0]
    return initial + text[1:] + ("" if text[-1] in ".!?" else ".")


_MARKS = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))")
_LINE_START = re.compile(r"^(#|>|=|[+-](?=[\s-]|$)|\d+(?=[.)](?:\s|$)))")


def markdown(text: str) -> str:
    """Text as one line of Markdown: nothing in it is markup, HTML or a cell's end."""
    line = " ".join(clean(text).split())
    line = _MARKS.sub(r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;"))
    return _LINE_START.sub(lambda m: m[1] + "\\" if m[1].isdigit() else "\\" + m[1], line)


def code(text: str) -> str:
    """Text as a Markdown code span, also inside a table."""
    line = " ".join(clean(text).split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}" if line else ""


def fence(text: str) -> str:
    """A Markdown code block that no backticks in the text can end."""
    content = shorten(text)
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}text\n{content}\n{ticks}"
