"""What a run may change, in the callback's hands: the changes of its plan by place and number, and its blind steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from fitsom_runner.ansible.blind_steps import includes_around, is_after_failure
from fitsom_runner.facts import HostChanges


class Sort(Enum):
    """Changes that were predicted, those of a step that the plan lists as blind, and others."""

    PREDICTED = auto()
    LISTED = auto()
    UNAPPROVED = auto()


class ApprovedChanges:
    """Counts what comes of what was approved. changes: {host: {place of a task: how many}}; blind: {host: places}."""

    def __init__(
        self, changes: Mapping[str, Mapping[str, int]], blind: Mapping[str, list[str]], folder: str
    ) -> None:
        self._left = {host: Counter(places) for host, places in changes.items()}
        self._anywhere = {place for places in changes.values() for place in places}
        self._blind = {host: frozenset(places) for host, places in blind.items()}
        self._blind_anywhere = frozenset(place for places in blind.values() for place in places)
        self._folder = folder

    def sort(self, host: str, task: Any, number: int) -> Sort:
        """What so many changes by a task are on a host; they are counted.

        What runs once for all may come on another host than planned, where the first has failed.
        """
        place = place_of(task, self._folder)
        listed = self._blind_anywhere if task.run_once else self._blind.get(host, frozenset())
        around = (place_of(each, self._folder) for each in includes_around(task))
        if place in listed or is_after_failure(task) or any(each in listed for each in around):
            return Sort.LISTED
        if task.run_once and place in self._anywhere:
            return Sort.PREDICTED
        left = self._left.setdefault(host, Counter())
        left[place] -= number
        return Sort.PREDICTED if left[place] >= 0 else Sort.UNAPPROVED


def as_json(predicted: Mapping[str, HostChanges]) -> dict[str, Any]:
    """For the callback."""
    return {
        "changes": {
            host: dict(Counter(item.path for item in changes.items)) for host, changes in predicted.items()
        },
        "blind": {host: sorted({step.path for step in changes.blind}) for host, changes in predicted.items()},
    }


def place_of(task: Any, folder: str) -> str:
    """Where a task stands ("playbooks/x.yml:12"): the same in a plan and in its run."""
    return str(task.get_path() or "").removeprefix(f"{folder}/")
