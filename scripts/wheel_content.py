"""Build hook: the wheel carries the collection, where Ansible looks for it beside the package ansible."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACE = "ansible_collections/fitsom/school"
PARTS = (
    "playbooks",
    "plugins",
    "roles",
    "meta",
    "galaxy.yml",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
)


class Content(BuildHookInterface[Any]):
    """Adds the content. An editable install gets none: a copy would go stale beside the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds; `version` is "standard" or "editable"."""
        if version != "editable":
            build_data["force_include"].update({part: f"{PLACE}/{part}" for part in PARTS})
