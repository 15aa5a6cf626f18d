"""How a device is logged in to, and what is done around a change. The device is a double."""

from __future__ import annotations

from typing import Any

import pytest
from netmiko.exceptions import ReadTimeout

from plugins.module_utils.devices.device import Device, DeviceError, arguments, settle
from plugins.module_utils.devices.lines import Section, commands
from plugins.modules import netmiko_config

PARAMS: dict[str, Any] = {
    "host": "10.0.0.2",
    "port": None,
    "device_type": "cisco_ios",
    "username": "it",
    "password": "canary",
    "key_file": None,
    "secret": "",
    "known_hosts": None,
    "timeout": 30,
}


def test_an_unknown_host_key_is_always_refused_over_ssh() -> None:
    assert arguments(PARAMS)["ssh_strict"] is True
    own = arguments({**PARAMS, "known_hosts": "/etc/fitsom/known_hosts"})
    assert (own["ssh_strict"], own["alt_key_file"], own["system_host_keys"]) == (
        True,
        "/etc/fitsom/known_hosts",
        False,
    )
    assert "ssh_strict" not in arguments({**PARAMS, "device_type": "cisco_ios_telnet"})


class Link:
    """A device that holds plain lines, and does what `kind` says with new connections."""

    def __init__(self) -> None:
        self.lines = ["hostname sw1"]
        self.said: list[str] = []

    base_prompt = "sw1"

    def find_prompt(self) -> str:
        return "sw1#"

    def set_base_prompt(self) -> None:
        pass

    def send_command(self, _command: str, **_how: Any) -> str:
        return "\n".join(self.lines)

    def send_command_timing(self, command: str) -> str:
        self.said.append(command.strip() or "<enter>")
        if command.startswith("reload in"):
            return "System configuration has been modified. Save? [yes/no]:"
        return "Proceed with reload? [confirm]" if command == "no" else ""

    def send_config_set(self, lines: list[str], **_how: Any) -> None:
        for line in lines:
            if line.startswith("no "):
                self.lines = [line_kept for line_kept in self.lines if line_kept != line[3:]]
            else:
                self.lines.append(line)

    def save_config(self) -> str:
        self.said.append("saved")
        return "[OK]"

    def exit_config_mode(self) -> None:
        self.said.append("exit")

    def disconnect(self) -> None:
        pass


def change(link: Link, *, guard: str, reachable: bool = True) -> None:
    session = iter([link])

    def open_one() -> Link:
        result = next(session, None)
        if result is None and not reachable:
            raise DeviceError("no answer")
        return result or link

    device = Device(open_one)
    desired = [Section((), ("ip routing",))]
    before = device.running()
    params = {"guard": guard, "reload_minutes": 5, "save": True}
    netmiko_config.change(device, params, desired, before, commands(before, desired))


def test_a_reload_is_ordered_first_without_saving_and_cancelled_before_saving() -> None:
    link = Link()
    change(link, guard="reload")
    assert link.said == ["reload in 5", "no", "<enter>", "reload cancel", "saved"]
    assert link.lines == ["hostname sw1", "ip routing"]


def test_what_cuts_new_connections_is_taken_back_and_never_saved() -> None:
    link = Link()
    with pytest.raises(DeviceError, match=r"no answer\. The configuration is as it was before"):
        change(link, guard="session", reachable=False)
    assert link.lines == ["hostname sw1"]
    assert "saved" not in link.said


def test_where_it_cannot_be_taken_back_the_reload_is_left_to_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    link = Link()
    monkeypatch.setattr(Device, "restore", lambda *_: False)
    with pytest.raises(DeviceError, match="starts again with its saved configuration within 5 minutes"):
        change(link, guard="reload", reachable=False)
    assert "reload cancel" not in link.said


def test_a_line_that_the_device_silently_drops_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    link = Link()
    monkeypatch.setattr(Link, "send_config_set", lambda *_, **__: None)
    with pytest.raises(DeviceError, match="did not accept, or writes otherwise: ip routing"):
        change(link, guard="none")


class SlowLink:
    """A device whose late answers stand where its prompt is looked for."""

    def __init__(self, *prompts: str) -> None:
        self.seen = list(prompts)
        self.base_prompt = "% Unknown command: terminal width 511"

    def find_prompt(self) -> str:
        return self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]

    def set_base_prompt(self) -> None:
        self.base_prompt = self.find_prompt()[:-1]

    def clear_buffer(self, **_how: Any) -> None:
        pass


def test_an_answer_that_comes_late_is_not_taken_for_the_prompt() -> None:
    link = SlowLink("% Unknown command: terminal width 511", "sw1#")
    settle(link)
    assert link.base_prompt == "sw1"


def test_a_prompt_that_is_never_understood_is_an_error() -> None:
    with pytest.raises(DeviceError, match="its prompt is not understood: % What"):
        settle(SlowLink("% What"))


def test_what_breaks_while_typing_is_taken_back_over_a_new_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = Link()
    typing = Link.send_config_set
    broken = iter([True, True])

    def breaks(self: Link, lines: list[str], **how: Any) -> None:
        typing(self, lines, **how)
        if next(broken, False):
            raise OSError("Socket is closed")

    monkeypatch.setattr(Link, "send_config_set", breaks)
    with pytest.raises(DeviceError, match=r"Socket is closed. The configuration is as it was before"):
        change(link, guard="session")
    assert link.lines == ["hostname sw1"]


class Silent(Link):
    """A device that takes a line and says nothing."""

    def send_config_set(self, lines: list[str], **_how: Any) -> None:
        raise ReadTimeout("Pattern not detected: " + lines[0].replace(" ", "\\ "))


def test_a_line_that_is_not_answered_is_not_reported_since_it_may_hold_a_secret() -> None:
    with pytest.raises(DeviceError) as raised:
        Device(Silent).type(["enable password canary"])
    assert "canary" not in str(raised.value)
    assert "no prompt came after it" in str(raised.value)
