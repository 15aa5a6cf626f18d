"""What the role makes of the versions that fitsom says were approved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

DEFAULTS = yaml.safe_load((Path(__file__).parents[4] / "roles/patching/defaults/main.yml").read_text())


def value(name: str, **variables: Any) -> Any:
    known = {
        "inventory_hostname": "srv1",
        "patching_pins": trust_as_template(DEFAULTS["patching_pins"]),
        **variables,
    }
    return Templar(loader=DataLoader(), variables=known).template(trust_as_template(DEFAULTS[name]))


@pytest.mark.parametrize(
    "plan", [{}, {"fitsom_plan": {}}, {"fitsom_plan": None}, {"fitsom_plan": {"hosts": {}}}]
)
def test_while_planning_nothing_is_pinned(plan: dict[str, Any]) -> None:
    assert value("patching_pins", **plan) == {}
    assert value("patching_pinned", **plan) is False


def test_at_the_run_a_host_gets_its_own_versions() -> None:
    plan = {"hosts": {"srv1": {"packages": {"openssl": "3"}}, "srv2": {"packages": {"bash": "5"}}}}
    assert value("patching_pins", fitsom_plan=plan) == {"openssl": "3"}
    assert value("patching_pinned", fitsom_plan=plan) is True


@pytest.mark.parametrize("own", [{"srv1": {"packages": {}}}, {"srv1": {}}, {"srv1": None}, {}])
def test_a_host_for_which_nothing_was_approved_gets_nothing_and_not_everything(own: dict[str, Any]) -> None:
    plan = {"hosts": {**own, "srv2": {"packages": {"bash": "5"}}}}
    assert value("patching_pins", fitsom_plan=plan) == {}
    assert value("patching_pinned", fitsom_plan=plan) is True


def test_the_way_back_is_named_by_the_change() -> None:
    name = "CHG-2026-0001-3f9a1c2b"
    assert value("patching_backout_dir", fitsom_change_id=name).endswith(f"/{name}")
    assert value("patching_backout_dir").endswith("/manual")
    assert value("patching_backout_dir", fitsom_change_id="").endswith("/manual")
