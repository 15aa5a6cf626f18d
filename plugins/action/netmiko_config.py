# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Renders the template that netmiko_config's `src` names, on the controller, before the module
runs.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """`src` is looked for where ansible.builtin.template looks: in templates/ of the role or beside
    the playbook.
    """

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = dict(self._task.args)
        if arguments.get("src"):
            lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
            arguments["src"] = "".join(lookup.run([arguments["src"]], variables=variables))
        result.update(
            self._execute_module(module_name=self._task.action, module_args=arguments, task_vars=variables)
        )
        return result
