"""What was written by others reaches the terminal as text."""

import io
import json

import pytest
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fitsom_runner.cli.context import as_json
from fitsom_runner.cli.terminal import SafeConsole

HOSTILE = "srv1\x1b[2K\x1b[1A\rAll is well\x9b1A \u202egnp.exe\u2066"
SHOWN = "srv1\\x1b[2K\\x1b[1A\\rAll is well\\x9b1A \\u202egnp.exe\\u2066"


def printed(*things: object, terminal: bool = False) -> str:
    """What a console of 200 columns writes for these."""
    stream = io.StringIO()
    console = SafeConsole(file=stream, width=200, highlight=False, force_terminal=terminal)
    for thing in things:
        console.print(thing)
    return stream.getvalue()


def test_control_characters_are_shown_wherever_they_stand() -> None:
    table = Table(HOSTILE)
    table.add_row(HOSTILE)
    for thing in (HOSTILE, Text(HOSTILE), Panel(HOSTILE), table):
        output = printed(thing)
        assert not set(output) & set("\x1b\r\x9b\u202e\u2066"), repr(output)
        assert "\\x9b1A \\u202egnp.exe" in output
    assert printed(HOSTILE).strip() == SHOWN


def test_colours_of_our_own_and_a_live_table_still_work() -> None:
    assert "\x1b[31m" in printed("[red]failed[/]", terminal=True)
    stream = io.StringIO()
    with Live(console=SafeConsole(file=stream, force_terminal=True), transient=True) as live:
        live.update(HOSTILE)
    assert "\x1b[2K" in stream.getvalue()  # Rich moves its own cursor
    assert "\x9b" not in stream.getvalue()


@pytest.mark.parametrize("text", ["[/oops]", "a [/] b", "[red", "[link=file:///etc/passwd]x"])
def test_broken_markup_is_text(text: str) -> None:
    assert printed(text).strip() in (text, "x")


def test_json_for_people_moves_no_cursor_and_stays_json() -> None:
    output = as_json({"note": HOSTILE, "name": "Zoë"})
    assert not set(output) & set("\x1b\x9b\u202e\u2066")
    assert "Zoë" in output
    assert json.loads(output) == {"note": HOSTILE, "name": "Zoë"}
