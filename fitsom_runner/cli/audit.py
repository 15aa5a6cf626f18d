"""`fitsom audit ...`."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitsom_runner import caller
from fitsom_runner.cli.context import answer, open_session
from fitsom_runner.errors import ConfigError, IntegrityError

if TYPE_CHECKING:
    from fitsom_runner.config import Config

app = typer.Typer(no_args_is_help=True)


@app.command("verify")
def verify(
    head: Annotated[
        str, typer.Option(help='"SEQ:HASH" from a printed report: must still be in the log.')
    ] = "",
    since: Annotated[
        Path | None, typer.Option(help="A report or checkpoint that was kept elsewhere: must still be true.")
    ] = None,
) -> None:
    """Recompute the complete chain, and hold requests, plans, approvals, keys and results against it.

    Exit code 7 where an entry was altered or removed, or a record is not what the log says.
    """
    text = _kept(since) if since else ""
    open_session()
    from fitsom_runner.audit import checkpoint, log
    from fitsom_runner.audit.models import AuditEntry
    from fitsom_runner.changes import evidence
    from fitsom_runner.execution import results

    verdict = log.verify()
    findings = evidence.hold_all()
    faults = [*verdict.faults, *findings.faults, *results.faults()]
    if head:
        form = re.fullmatch(r"(\d{1,18}):([0-9a-f]{12,64})", head)
        if form is None:
            raise ConfigError(
                f"{head!r} is no entry of a report: SEQ:HASH, at least 12 digits of the hash",
                hint="Each report prints the command under 'The audit chain'.",
            )
        if not AuditEntry.objects.filter(seq=int(form[1]), hash__startswith=form[2]).exists():
            faults.append(f"the report's entry {head} is not in the log")
    if text:
        faults += checkpoint.faults_since(checkpoint.read(text))
    if faults:
        raise IntegrityError(
            f"audit log and records are not intact: {len(faults)} fault(s)",
            details=tuple(faults),
            hint="Keep the database as it is, and compare it with a backup and with the printed reports.",
        )
    answer(
        {"entries": verdict.entries, "head": verdict.head, "faults": [], "older": findings.older},
        f"[green]The audit log is intact:[/] {verdict.entries} entries, head {verdict.head[:16]}",
        "Requests, plans, approvals, signatures, keys and results are what it says.",
        *(
            [f"{findings.older} of them are from before fitsom kept values in the log."]
            if findings.older
            else []
        ),
    )


def _kept(path: Path) -> str:
    try:
        return caller.current().read(path).decode("utf-8", "replace")
    except OSError as fault:
        raise ConfigError(f"{path} cannot be read: {fault.strerror or fault}") from fault


@app.command("checkpoint")
def print_checkpoint() -> None:
    """Print the newest entry of the log, signed: to be kept where nobody of this machine writes."""
    s = open_session()
    from fitsom_runner.audit import checkpoint

    text = checkpoint.issue(s.config.school.name)
    point = checkpoint.read(text)
    answer({"seq": point.seq, "head": point.head, "at": point.at, "checkpoint": text}, text.rstrip("\n"))


@app.command("show")
def show(
    subject: Annotated[str, typer.Argument(help="Only what concerns this change, run or person.")] = "",
    last: Annotated[int, typer.Option(help="How many entries.")] = 50,
) -> None:
    """The newest entries, oldest first."""
    s = open_session()
    from fitsom_runner.audit.models import AuditEntry

    query = AuditEntry.objects.order_by("-seq")
    query = query.filter(subject__icontains=subject) if subject else query
    entries = list(query[:last])[::-1]
    value = [
        {"seq": e.seq, "at": e.at, "actor": e.actor, "os_user": e.os_user, "action": e.action}
        | {"subject": e.subject, "detail": json.loads(e.detail), "hash": e.hash}
        for e in entries
    ]
    answer(value, *([_block(row, s.config) for row in value] or ["No entry."]))


#: What people did, in a person's words; what is not here is shown as it is in the log.
_ACTIONS = {
    "change.new": "requested",
    "change.submit": "handed in",
    "change.approve_proceed": "approved to proceed",
    "change.plan": "planned",
    "change.replan": "planned again",
    "change.rehearsed": "rehearsed",
    "change.peer_review": "plan reviewed",
    "change.approve_implement": "approved to be carried out",
    "change.pre_approve": "approved as a standard change",
    "change.succeed": "succeeded",
    "change.fail": "failed",
    "change.interrupt": "cut short",
    "change.back_out": "taken back",
    "change.return_to_approver": "refused, and sent back to the approver",
    "change.return_for_planning": "refused, and sent back to be planned",
}
_DETAIL_LIMIT = 160
#: Of no use to a reader: what a change's version is stands in it, and states are in the actions.
_LEFT_OUT = ("version", "frm", "to", "commit")


def _block(row: dict[str, Any], config: Config) -> str:
    """An entry as a few lines, which no terminal is too narrow for."""
    from rich.markup import escape

    names = {person.id: person.name for person in config.people}
    when = datetime.fromisoformat(row["at"]).astimezone(config.zone)
    login = f"(login {row['os_user']})" if row["os_user"] else ""
    who = " ".join(filter(None, (names.get(row["actor"], row["actor"]), login)))
    action = _ACTIONS.get(row["action"], row["action"].partition(".")[2].replace("_", " "))
    lines = [
        f"[bold]{row['seq']}[/]  {when:%d %b %Y %H:%M:%S %Z}  {escape(who)}",
        f"    {escape(row['subject'])}: [bold]{escape(action)}[/]",
    ]
    for name, detail in row["detail"].items():
        words = ", ".join(map(str, detail)) if isinstance(detail, list) else detail
        if name in _LEFT_OUT or isinstance(words, dict) or words in ("", None):
            continue
        shown = str(words)
        shown = f"{shown[:_DETAIL_LIMIT]}..." if len(shown) > _DETAIL_LIMIT else shown
        lines.append(f"    {escape(name.replace('_', ' '))}: {escape(shown)}")
    return "\n".join(lines)
