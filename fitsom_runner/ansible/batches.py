"""Which hosts come to the end of a play: Ansible tells nobody, and its statistics do not show who was taken out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Batches:
    """Follows the batches of plays, in this process' Ansible."""

    def __init__(self, tell: Callable[[list[str], list[str]], None]) -> None:
        """`tell` is called when a batch of a play has ended: which hosts came through it, and which did not.

        Those are hosts that failed or were lost, and those that Ansible took out for another's sake
        (`any_errors_fatal`, `max_fail_percentage`, `run_once`).
        """
        self._tell = tell
        self._plays_to_come = 0
        self._batches_to_come = 0
        self._follow()

    def expect(self, plays: int) -> None:
        """A playbook with so many plays begins."""
        self._plays_to_come += plays

    @property
    def is_cut_short(self) -> bool:
        """Whether Ansible broke off: where all hosts of a batch fail, nothing comes after it for others either."""
        return bool(self._plays_to_come or self._batches_to_come)

    def _follow(self) -> None:
        from ansible.executor.playbook_executor import PlaybookExecutor
        from ansible.executor.task_queue_manager import AnsibleEndPlay, TaskQueueManager

        divide, run = PlaybookExecutor._get_serialized_batches, TaskQueueManager.run

        def divided(executor: Any, play: Any) -> Any:
            batches = divide(executor, play)
            self._plays_to_come -= 1
            self._batches_to_come = len(batches)
            return batches

        def watched(manager: Any, play: Any) -> Any:
            try:
                code = run(manager, play)
            except AnsibleEndPlay:  # as the playbook says
                self._batches_to_come = 0
                self._tell_of(manager, play)
                raise
            self._batches_to_come -= 1
            self._tell_of(manager, play)
            return code

        PlaybookExecutor._get_serialized_batches = divided
        TaskQueueManager.run = watched

    def _tell_of(self, manager: Any, play: Any) -> None:
        hosts = [host.name for host in manager._inventory.get_hosts(play.hosts)]
        out = {**manager._failed_hosts, **manager._unreachable_hosts}
        self._tell([name for name in hosts if name not in out], [name for name in hosts if name in out])
