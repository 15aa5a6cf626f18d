"""The specification of a lab."""

from __future__ import annotations

from typing import Any

import pytest
from fitsom_lab.errors import LabError
from fitsom_lab.spec import parse


def test_a_host_takes_the_defaults_and_its_own() -> None:
    spec = parse(
        {"defaults": {"vars": {"a": 1, "b": 1}}, "hosts": {"srv1": {"groups": ["pilot"], "vars": {"b": 2}}}}
    )
    (host,) = spec.hosts
    assert (host.image, host.groups, host.variables) == ("debian12", ("pilot",), {"a": 1, "b": 2})


def test_a_count_makes_that_many_hosts_with_names_of_equal_width() -> None:
    names = [host.name for host in parse({"hosts": {"pc": {"count": 12}}}).hosts]
    assert (len(names), names[0], names[-1]) == (12, "pc01", "pc12")


def test_versions_may_be_numbers_or_lists() -> None:
    fixture = {"installed": {"plain": 1.0}, "published": {"plain": ["1.0", 1.1]}}
    (host,) = parse({"hosts": {"srv1": {"fixture": fixture}}}).hosts
    assert host.fixture and host.fixture.published == {"plain": ("1.0", "1.1")}
    assert host.fixture.installed == {"plain": ("1.0",)}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"hosts": {}},
        {"hosts": {"srv1": {"imgae": "debian12"}}},
        {"hosts": {"Srv_1": {}}},
        {"hosts": {"pc": {"count": 2}, "pc1": {}}},
        {"hosts": {"srv1": {"fixture": {"wanted": {}}}}},
        ["srv1"],
    ],
)
def test_a_wrong_specification_is_refused(data: Any) -> None:
    with pytest.raises(LabError, match=r"lab\.yml"):
        parse(data)
