# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One network device over netmiko: connections, typed lines, and the proof that it can still be
reached.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any, Callable, Iterator, Mapping, Sequence

from .lines import Path, parse, undo

SPEC: dict[str, dict[str, Any]] = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int"},
    "device_type": {"type": "str", "required": True},
    "username": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "key_file": {"type": "path", "no_log": False},
    "secret": {"type": "str", "default": "", "no_log": True},
    "known_hosts": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
}

#: What devices say of a line that they do not take.
REJECTED = (
    r"^\s*%\s*(Unknown|Incomplete|Invalid|Ambiguous|Bad|Error|Malformed|Can't|Cannot|Failed|There is no).*"
    r"|^(Invalid input|Unknown command|Error:).*"
)
PROMPT = re.compile(r"[\w.\-/@:]+(\([\w.\-/ ]+\))?\s?[>#$]")

Open = Callable[[], Any]


class DeviceError(Exception):
    """What went wrong, in words for the technician."""


def arguments(params: Mapping[str, Any]) -> dict[str, Any]:
    """netmiko's arguments. Over ssh an unknown or other host key is refused."""
    connection = {
        "device_type": params["device_type"],
        "host": params["host"],
        "username": params["username"],
        "password": params["password"],
        "secret": params["secret"],
        "conn_timeout": params["timeout"],
        "read_timeout_override": params["timeout"],
    }
    if params["port"]:
        connection["port"] = params["port"]
    if params["key_file"]:
        connection.update(use_keys=True, key_file=params["key_file"])
    if not params["device_type"].endswith(("_telnet", "_serial")):
        connection["ssh_strict"] = True
        connection["system_host_keys"] = not params["known_hosts"]
        if params["known_hosts"]:
            connection.update(alt_host_keys=True, alt_key_file=params["known_hosts"])
    return connection


def connection_opener(params: Mapping[str, Any]) -> Open:
    """A function that opens a new connection each time that it is called."""

    def opened() -> Any:
        import netmiko

        with as_device_error("it cannot be reached or does not let us in"):
            try:
                link = netmiko.ConnectHandler(**arguments(params))
            except (
                netmiko.exceptions.ReadTimeout
            ):  # let in, but its first answers came too late to be understood
                link = netmiko.ConnectHandler(**arguments(params))
            if params["secret"]:
                link.enable()
        return link

    return opened


def settle(link: Any) -> None:
    """See that netmiko took the prompt for the prompt: a slow device's late answer to something
    else may come first.
    """
    for _attempt in range(5):
        prompt = link.find_prompt().strip()
        if PROMPT.fullmatch(prompt):
            link.set_base_prompt()
            if PROMPT.fullmatch(link.base_prompt + prompt[-1]):
                return
        link.clear_buffer(backoff=True)
    raise DeviceError("its prompt is not understood: %s" % prompt)


@contextlib.contextmanager
def as_device_error(words: str) -> Iterator[None]:
    """Report whatever netmiko, paramiko or the socket raises in one form."""
    try:
        yield
    except DeviceError:
        raise
    except Exception as error:
        raise DeviceError("%s: %s" % (words, _first(error))) from error


def _first(error: Exception) -> str:
    """The first line of netmiko's often long advice, with what follows a colon."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1]) if lines else type(error).__name__


class Device:
    """A device with one connection held open."""

    def __init__(self, open_one: Open):
        self._open = open_one
        self._link = self._connect()

    def _connect(self) -> Any:
        """A connection to work over, its prompt understood."""
        link = self._open()
        with as_device_error("it cannot be reached or does not let us in"):
            settle(link)
        return link

    def running_text(self) -> str:
        return self.ask("show running-config")

    def running(self) -> list[Path]:
        return parse(self.running_text())

    def ask(self, command: str) -> str:
        with as_device_error("no answer to %s" % command):
            return str(self._link.send_command(command))

    def type(self, lines: Sequence[str]) -> None:
        """Type lines in configuration mode, each once the one before was answered.

        One that is rejected ends it.
        """
        from netmiko.exceptions import ConfigInvalidException, ReadTimeout

        with as_device_error("a line was not answered"):
            try:
                self._link.send_config_set(list(lines), error_pattern=REJECTED)
            except ConfigInvalidException as error:
                self._link.exit_config_mode()
                raise DeviceError("the device rejected a line: %s" % _first(error)) from error
            except ReadTimeout:  # its text has the line in it, a secret perhaps, as a pattern
                raise DeviceError("a line was not echoed, or no prompt came after it") from None

    def restore(self, before: Sequence[Path]) -> bool:
        """Undo all that differs, over the connection that is still open or else a new one; whether
        it succeeded.
        """
        for renew in (False, True):
            try:
                if renew:
                    self._link = self._connect()
                with as_device_error("the way back"):
                    lines = undo(before, self.running())
                    self._link.send_config_set(lines, cmd_verify=False)  # a section may go with its last line
                if sorted(self.running()) == sorted(before):
                    return True
            except DeviceError:
                continue
        return False

    def connection_fault(self) -> str:
        """Why a new connection fails; empty if it succeeds."""
        try:
            self._open().disconnect()
        except DeviceError as error:
            return str(error)
        return ""

    def reload_in(self, minutes: int) -> None:
        """Have the device start again with its saved configuration, unless that is cancelled."""
        answer = self._link.send_command_timing("reload in %d" % minutes)
        if "yes/no" in answer:
            answer += self._link.send_command_timing("no")
        if "confirm" in answer:
            answer += self._link.send_command_timing("\n")
        if any(word in answer.lower() for word in ("invalid", "unknown", "unrecognized", "error")):
            raise DeviceError("the device does not support `reload in`; set guard to session")

    def cancel_reload(self) -> None:
        self._link.send_command_timing("reload cancel")

    def save(self) -> None:
        with as_device_error("the configuration is in effect but was not saved"):
            answer = str(self._link.save_config())
        if any(word in answer.lower() for word in ("unknown", "invalid", "denied", "failed")):
            raise DeviceError("the configuration is in effect but was not saved: %s" % answer.strip()[-200:])

    def close(self) -> None:
        self._link.disconnect()
