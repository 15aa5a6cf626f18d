"""What the benches of roles share."""

from __future__ import annotations

import statistics
import sys

from tests.integration.directory_lab import run


def say(words: str) -> None:
    """Progress, beside the figures."""
    print(f"==> {words}", file=sys.stderr, flush=True)


def checked(*words: str, env: dict[str, str] | None = None) -> str:
    """What a command prints; ends the bench where it fails."""
    done = run(*words, env=env)
    if done.returncode:
        raise SystemExit(f"{words[0]}: {done.stdout[-3000:]}{done.stderr[-1000:]}")
    return done.stdout


def figures(seconds: list[float]) -> dict[str, float]:
    """The least, the middle and the most."""
    return {
        "min": round(min(seconds), 2),
        "median": round(statistics.median(seconds), 2),
        "max": round(max(seconds), 2),
    }
