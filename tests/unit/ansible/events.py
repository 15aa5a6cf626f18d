"""Events of a ledger, as the callback plugin writes them."""

from typing import Any

from fitsom_runner.ansible.ledger import Event, LedgerState, Status


def ledger_of(*events: Event) -> LedgerState:
    """The events, folded."""
    ledger_state = LedgerState()
    for event in events:
        ledger_state.add(event)
    return ledger_state


def start() -> Event:
    """The first line."""
    return {"e": "start", "at": 100.0}


def task(number: int, name: str) -> Event:
    """A task begins."""
    return {"e": "task", "i": number, "n": name, "a": "ansible.builtin.x", "r": "patching"}


def touch(host: str) -> Event:
    """Something that changes something is about to start on the host."""
    return {"e": "touch", "h": host}


def result(host: str, number: int, status: Status, **detail: Any) -> Event:
    """A task's result on a host."""
    return {"e": "res", "h": host, "i": number, "s": int(status), "b": 10, "d": 5, "x": detail}


def done(host: str) -> Event:
    """The done mark."""
    return {"e": "done", "h": host}


def notified(host: str, place: str, name: str) -> Event:
    """A handler is to run on the host."""
    return {"e": "notify", "h": host, "p": place, "n": name}


def stats(**hosts: dict[str, int]) -> Event:
    """Ansible's own end: its statistics."""
    return {"e": "stats", "hosts": {h: {"failures": 0, "unreachable": 0, **c} for h, c in hosts.items()}}
