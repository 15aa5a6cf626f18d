"""Which engine carries out tasks, and how it is named."""

import importlib.metadata

import pytest

from fitsom_runner.ansible import engine
from fitsom_runner.ansible.engine import Engine
from fitsom_runner.changes.seal import differences
from fitsom_runner.config import EngineName

VERSIONS = {"mitogen": "0.3.54", "ansible-core": "2.21.5"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The versions of what is installed; a test may change them."""
    versions = dict(VERSIONS)

    def version(name: str) -> str:
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    return versions


def test_plain_ansible_is_the_default_and_needs_no_words(installed: dict[str, str]) -> None:
    chosen = engine.choose(EngineName.ANSIBLE)
    assert (chosen, chosen.words(), chosen.environment()) == (Engine(), "", {})


def test_mitogen_is_used_where_it_was_tried(installed: dict[str, str]) -> None:
    chosen = engine.choose(EngineName.MITOGEN)
    assert chosen.words({"srv1": "ssh"}) == "Mitogen 0.3.54"
    assert chosen.environment()["ANSIBLE_STRATEGY"] == "fitsom_mitogen"
    assert (engine.STRATEGIES / "fitsom_mitogen.py").is_file()


def test_hosts_whose_connection_it_does_not_replace_are_named(installed: dict[str, str]) -> None:
    connections = {"sw2": "ansible.netcommon.network_cli", "srv1": "ssh", "pc1": "winrm"}
    words = engine.choose(EngineName.MITOGEN).words(connections)
    assert words == "Mitogen 0.3.54; plain Ansible for pc1, sw2 (their connection)"


@pytest.mark.parametrize(
    ("package", "version", "why"),
    [
        ("mitogen", "", "Mitogen is not installed; install it with: pip install 'fitsom[mitogen]'"),
        ("ansible-core", "2.22.0", "Mitogen 0.3.54 was tried with ansible-core 2.21, this is 2.22.0"),
    ],
)
def test_plain_ansible_is_taken_where_it_cannot_be_used_and_says_why(
    installed: dict[str, str], package: str, version: str, why: str
) -> None:
    if version:
        installed[package] = version
    else:
        del installed[package]
    chosen = engine.choose(EngineName.MITOGEN)
    assert chosen.words() == f"plain Ansible: {why}"
    assert chosen.environment() == {}
    (difference,) = differences({"engine": "Mitogen 0.3.54"}, {"engine": chosen.words()})
    assert difference.startswith("engine: Mitogen 0.3.54 became plain Ansible: Mitogen")
