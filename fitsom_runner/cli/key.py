"""`fitsom key ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fitsom_runner.cli.context import answer, open_session

app = typer.Typer(no_args_is_help=True)
Fingerprint = Annotated[
    str, typer.Argument(help="SHA256:..., as 'fitsom key list' and 'ssh-keygen -l' print it.")
]


@app.command("enrol")
def enrol(key: Annotated[Path, typer.Option(help="The .pub file of your own key.")]) -> None:
    """Propose your own public key; it counts once somebody else has confirmed it."""
    s = open_session()
    from fitsom_runner.people import keys

    enrolled = keys.enrol(s.identity, key)
    answer(
        {"fingerprint": enrolled.fingerprint, "person": enrolled.person, "confirmed": False},
        f"{enrolled.fingerprint} of {s.identity.person.name} waits to be confirmed.",
        "Show it to somebody who approves changes, or to the network manager. They compare it with 'ssh-keygen -lf' "
        f"on your screen, then: fitsom key confirm {enrolled.fingerprint}",
    )


@app.command("confirm")
def confirm(fingerprint: Fingerprint) -> None:
    """Confirm the key of somebody who is beside you, after comparing the fingerprint."""
    s = open_session()
    from fitsom_runner.people import keys

    key = keys.confirm(s.config, s.identity, fingerprint)
    answer(
        {"fingerprint": key.fingerprint, "person": key.person, "confirmed": True},
        f"{key.fingerprint} is a key of {key.person}: what it signs from now on counts.",
    )


@app.command("revoke")
def revoke(
    fingerprint: Fingerprint,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why; it is kept in the audit log.")],
) -> None:
    """End a key. What it signed before still counts; what it signs from now on does not."""
    s = open_session()
    from fitsom_runner.people import keys

    keys.revoke(s.identity, fingerprint, reason=reason)
    answer({"fingerprint": fingerprint, "revoked": True}, f"{fingerprint} is revoked.")


@app.command("list")
def list_keys() -> None:
    """Whose keys are enrolled, and who confirmed them."""
    open_session()
    from rich.table import Table

    from fitsom_runner.people.models import EnrolledKey

    table = Table("Person", "Key", "State", box=None, header_style="bold")
    value = []
    for key in EnrolledKey.objects.order_by("pk"):
        confirmed = f"confirmed by {key.witness}" if key.confirmed_at else "waits to be confirmed"
        state = "revoked" if key.revoked_at else confirmed
        table.add_row(key.person, key.fingerprint, state)
        value.append(
            {
                "person": key.person,
                "fingerprint": key.fingerprint,
                "key": key.public_key,
                "witness": key.witness,
            }
            | {"enrolled_at": key.enrolled_at, "confirmed_at": key.confirmed_at, "revoked_at": key.revoked_at}
        )
    answer(value, table if value else "No keys.")
