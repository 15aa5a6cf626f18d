"""What a task may do beyond its words: which hosts it may reach, and what may run while a plan is taken.

The callback puts these bounds into Ansible. They are asked when all of a task's values are known and its connection is
chosen, but nothing has been sent: a task that is refused fails on that host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: Modules that change nothing. By their full name: a module of the same short name may do anything.
READ_ONLY_MODULES = frozenset(
    f"ansible.builtin.{name}"
    for name in (
        "add_host", "assert", "command_warnings", "debug", "fail", "find", "gather_facts", "getent", "group_by",
        "import_role", "include_role", "include_tasks", "include_vars", "meta", "package_facts", "pause", "ping",
        "set_fact", "service_facts", "setup", "slurp", "stat", "validate_argument_spec", "wait_for",
        "wait_for_connection",
    )
)  # fmt: skip
CONTROLLER = "localhost"
_LOOPBACK = (None, CONTROLLER, "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """hosts: {host that may be reached: its address, None where the inventory computes it}.

    accepted: files, and folders that end in "/", whose tasks may run in check mode (`check_mode: false`);
    check: whether this is a plan or a look.
    """

    hosts: Mapping[str, str | None] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    check: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the callback."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Bounds:
        """As `as_json` wrote it."""
        return cls(hosts=value["hosts"], accepted=tuple(value["accepted"]), check=value["check"])

    def objection(self, *, host: str, address: str | None, module: str, check_mode: bool, source: str) -> str:
        """Why a task may not do what it is about to do, "" where it may.

        host: where it works, after delegation; address: where its connection leads, None for this machine;
        module: its full name; source: the file that it comes from.
        """
        if host == CONTROLLER:
            if address not in _LOOPBACK:
                return f"it would reach {address} under the name of the controller"
        elif host not in self.hosts:
            return (
                f"it would work on {host}, which is not one of the hosts of this change. "
                "Add it to the change's limit: fitsom change edit NUMBER --limit ..."
            )
        elif self.hosts[host] is not None and address not in (self.hosts[host], None):
            return f"it would reach {address} under the name of {host}, which is {self.hosts[host]}"
        if (
            self.check
            and not check_mode
            and module not in READ_ONLY_MODULES
            and not self._is_accepted(source)
        ):
            return (
                "it says 'check_mode: false', so it would really be done while only a plan is taken. "
                "A second person must accept this content first: fitsom content accept"
            )
        return ""

    def _is_accepted(self, source: str) -> bool:
        return any(
            source == path or (path.endswith("/") and source.startswith(path)) for path in self.accepted
        )


def enforce(bounds: Bounds) -> None:
    """Put the bounds into this process's Ansible, and so into its workers."""
    from ansible.errors import AnsibleError
    from ansible.executor.task_executor import TaskExecutor

    choose_handler = TaskExecutor._get_action_handler_with_module_context

    def checked(executor: Any, templar: Any) -> Any:
        task = executor._task
        objection = bounds.objection(
            host=str(task.delegate_to or executor._host.name),
            address=_address(executor._connection),
            module=str(task.resolved_action or task.action),
            check_mode=bool(task.check_mode),
            source=str(task.get_path() or "").rpartition(":")[0],
        )
        if objection:
            raise AnsibleError(f"Refused: {objection}")
        return choose_handler(executor, templar)

    TaskExecutor._get_action_handler_with_module_context = checked


def _address(connection: Any) -> str | None:
    """Where a connection leads; None for one that stays on this machine."""
    for name in ("host", "remote_addr"):
        try:
            value = connection.get_option(name)
        except KeyError:
            continue
        if value is not None:
            return str(value)
    return None
