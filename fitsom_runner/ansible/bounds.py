"""What a task may do beyond its words: which hosts it may reach, and what may run while a plan is taken.

The callback puts these bounds into Ansible. They are asked when all of a task's values are known and its connection is
chosen, but nothing has been sent: a task that is refused fails on that host.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableSet, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fitsom_runner.ansible.applied import Applied, ask

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
#: How the words of every refusal begin: no rescue hides one from a plan.
REFUSED = "Refused: "
_LOOPBACK = (None, CONTROLLER, "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """hosts: {host that may be reached: its addresses}.

    accepted: files, and folders that end in "/", whose tasks may run in check mode (`check_mode: false`);
    check: whether this is a plan or a look.
    """

    hosts: Mapping[str, Sequence[str]] = field(default_factory=dict)
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
        elif address not in (*self.hosts[host], None):
            return (
                f"it would reach {address} under the name of {host}, which is {' or '.join(self.hosts[host])}"
            )
        if self.check and not check_mode and module not in READ_ONLY_MODULES and not self.accepts(source):
            return (
                "it says 'check_mode: false', so it would really be done while only a plan is taken. "
                "A second person must accept this content first: fitsom content accept"
            )
        return ""

    def accepts(self, source: str) -> bool:
        """Whether a file is content that fitsom ships, or that a second person has accepted."""
        return any(
            source == path or (path.endswith("/") and source.startswith(path)) for path in self.accepted
        )


def source_of(task: Any) -> str:
    """The file that a task stands in."""
    return str(task.get_path() or "").rpartition(":")[0]


def is_read_only(task: Any) -> bool:
    """Whether a task is known to change nothing: by its module, or because it was carried out for the plan already.

    A task that only says `changed_when: false` is one that check mode skips: nobody has seen what it does. Asked
    before its templates are rendered: what is still a text then says nothing.
    """
    module = task.resolved_action or task.action
    said = _check_mode(task)
    return module in READ_ONLY_MODULES or said is True or (said is False and is_never(task.changed_when))


def is_check_only(task: Any) -> bool:
    """Whether a task says, before its templates are rendered, that it only checks."""
    return _check_mode(task) is True


def _check_mode(task: Any) -> Any:
    """What task, block or play say: the task's own `check_mode` is False in every run."""
    return task._get_parent_attribute("check_mode")


def is_never(changed_when: Any) -> bool:
    """Whether a task says `changed_when: false`, in the one way that Ansible reads at once."""
    return changed_when is False or (isinstance(changed_when, list) and changed_when == [False])


def enforce(
    bounds: Bounds,
    applied: Applied | None,
    asking: MutableSet[tuple[str, str]],
    stopped: Mapping[str, str],
) -> None:
    """Put the bounds into this process's Ansible, and so into its workers.

    applied: what hosts are to remember of this run, None for nothing; asking: host and task whose worker asks the
    host; stopped: {host that goes no further: the task that changed what nobody had predicted}. This process fills both
    before it starts a worker.
    """
    from ansible.errors import AnsibleError
    from ansible.executor.task_executor import TaskExecutor

    ask_nobody(check=bounds.check)

    choose_handler = TaskExecutor._get_action_handler_with_module_context

    def checked(executor: Any, templar: Any) -> Any:
        task = executor._task
        if executor._host.name in stopped:
            raise AnsibleError(
                f"Stopped: '{stopped[executor._host.name]}' was neither predicted nor listed as a step "
                "that nobody can predict. Look at this host, then plan the change again."
            )
        objection = bounds.objection(
            host=str(task.delegate_to or executor._host.name),
            address=_address(executor._connection),
            module=str(task.resolved_action or task.action),
            check_mode=bool(task.check_mode),
            source=source_of(task),
        )
        if objection:
            raise AnsibleError(REFUSED + objection)
        if bounds.check and task.async_val:
            # Ansible refuses the two together. What a module predicts, it predicts at once.
            task.async_val = 0
        handler, context = choose_handler(executor, templar)
        if applied and (executor._host.name, task._uuid) in asking and not task.delegate_to:
            asking.discard((executor._host.name, task._uuid))  # of a loop the first turn asks
            handler.run = asking_first(handler, applied)
        return handler, context

    def asking_first(handler: Any, applied: Applied) -> Any:
        """The handler's `run`, after the host was asked what it remembers."""
        run = handler.run

        def asked(tmp: Any = None, task_vars: Any = None) -> Any:
            objection = applied.objection(ask(handler, task_vars or {}, applied.command(check=bounds.check)))
            if objection:
                raise AnsibleError(REFUSED + objection)
            return run(tmp, task_vars)

        return asked

    TaskExecutor._get_action_handler_with_module_context = checked


def ask_nobody(*, check: bool) -> None:
    """Have whatever would ask a person fail instead: nobody sits at a run. A plan does not wait for a pause either."""
    from ansible.errors import AnsibleError, AnsiblePromptNoninteractive
    from ansible.utils.display import Display

    def prompt_until(
        _display: Any, _message: str, *_words: Any, seconds: int | None = None, **_more: Any
    ) -> bytes:
        if seconds is None:
            raise AnsibleError(
                f"{REFUSED}it would ask a person, and nobody sits at a run. Ask by the change itself "
                "(fitsom change edit NUMBER -e NAME=VALUE), or leave the question out."
            )
        if check:
            return b""
        raise AnsiblePromptNoninteractive("nobody sits at a run")

    def do_var_prompt(_display: Any, name: str, *_words: Any, **_more: Any) -> str:
        raise AnsibleError(
            f"{REFUSED}the play asks for {name} (vars_prompt), and nobody sits at a run. "
            f"Give it with the change: fitsom change edit NUMBER -e {name}=VALUE"
        )

    Display.prompt_until = prompt_until
    Display.do_var_prompt = do_var_prompt


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
