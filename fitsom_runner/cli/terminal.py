"""The terminal is an output like a page: what hosts, rosters and people wrote is text there, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.errors import MarkupError
from rich.segment import Segment
from rich.text import Text

from fitsom_runner.reading import visible


class SafeConsole(Console):
    """Shows control characters and marks of direction instead of obeying them, whatever is printed."""

    def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
        """Rich's segments; those of its own, which move the cursor, carry their codes apart from their text."""
        for segment in super().render(*arguments, **options):
            text = segment.text if segment.control else visible(segment.text)
            yield segment if text == segment.text else Segment(text, segment.style)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text with Rich's markup; one whose markup is broken was not meant as such."""
        shown = visible(text)
        try:
            return super().render_str(shown, **options)
        except MarkupError:
            return Text(shown)
