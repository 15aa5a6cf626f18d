"""Which hosts come to the end of a play: Ansible tells nobody, and its statistics do not show who was taken out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def after_each_batch(tell: Callable[[list[str]], None]) -> None:
    """Have Ansible call `tell` when a batch of a play has ended, with the hosts that came through it.

    A host that failed or was lost is not among them, nor is one that Ansible took out for another host's sake
    (`any_errors_fatal`, `max_fail_percentage`).
    """
    from ansible.executor.task_queue_manager import TaskQueueManager

    run = TaskQueueManager.run

    def watched(manager: Any, play: Any) -> Any:
        code = run(manager, play)
        hosts = [host.name for host in manager._inventory.get_hosts(play.hosts)]
        tell([name for name in hosts if name not in {**manager._failed_hosts, **manager._unreachable_hosts}])
        return code

    TaskQueueManager.run = watched
