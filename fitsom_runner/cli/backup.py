"""`fitsom backup` and `fitsom restore-records`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitsom_runner.cli.context import Session, answer
from fitsom_runner.errors import IntegrityError


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A .tar.gz that is not there yet.")],
) -> None:
    """`fitsom backup`."""
    s = Session()
    s.open()
    from fitsom_runner.setup import backup as records

    size = records.save(s.config, target)
    answer(
        {"file": str(target), "bytes": size},
        f"[bold]{target}[/]: all records, {max(1, size // 1024):,} kB. Whoever has it can sign checkpoints: keep it as "
        "safe as they are.",
        "[dim]Not in it: the repository (git has it), fitsom.yml's secrets and the vault's pass phrase.[/]",
    )


def restore_records(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What 'fitsom backup' has written.")],
) -> None:
    """`fitsom restore-records`."""
    from fitsom_runner import boot
    from fitsom_runner.setup import backup as records

    config = Session().config
    records.restore(config, source)
    boot.start(config)
    from fitsom_runner.audit import log

    verdict = log.verify()
    if verdict.faults:
        raise IntegrityError(
            "the records are back, and their log is not intact",
            details=tuple(verdict.faults),
            hint="Compare with another backup before anything is approved or run.",
        )
    answer(
        {"entries": verdict.entries, "head": verdict.head},
        f"The records are back in {config.state}: {verdict.entries} entries, intact.",
        "What was done since the backup is not in them: plan open changes again before they run. Is it the newest? "
        "fitsom audit verify --since REPORT",
    )
