"""Which hosts a change touches, and when their variables count as moved. Each question costs a second."""

from pathlib import Path

import pytest

from fitsom_runner.ansible import content, inventory
from fitsom_runner.ansible.inventory import Resolved
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError
from fitsom_runner.execution.preparation import prepare
from tests.unit.ansible.repository import commit, inline, make, vaulted, write
from tests.unit.people.cast import Story, config


@pytest.fixture
def school(tmp_path: Path) -> Config:
    """A school with two servers and a printer in its committed inventory."""
    return config(make(tmp_path / "repo"))


def resolved(school: Config, limit: str = "servers") -> Resolved:
    number = len(list(school.repository.parent.iterdir()))
    extract = content.make_extract(school, school.repository.parent / f"content{number}")
    result = inventory.resolve(school, extract, limit)
    assert not list(school.repository.parent.glob("*.inventory")), "the masked copy is removed"
    return result


def changed_hosts(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {host for host, digest in after.items() if before[host] != digest}


def test_hosts_are_resolved_and_hashed_by_their_own_variables_vaulted_ones_by_ciphertext(
    school: Config,
) -> None:
    folder = school.repository / "inventories" / "school"
    write(folder, "group_vars/servers.yml", "level: 3\n" + inline("db_password", "hunter2-db"))
    write(folder, "host_vars/prn1.yml", vaulted("pin: 4711-4711\n"))
    write(
        folder,
        "host_vars/srv1.yml",
        "fitsom_label: the file server\nfitsom_provides: files\nfitsom_device: 3\n",
    )
    commit(school.repository)
    before = resolved(school, "all")
    assert before.about["srv1"] == {"label": "the file server", "provides": "files"}
    assert before.about["srv2"] == {}
    assert before.groups == {"prn1": ("printers",), "srv1": ("servers",), "srv2": ("servers",)}
    assert len(set(before.hosts.values())) == 3
    assert all(len(digest) == 64 for digest in before.hosts.values())

    write(folder, "host_vars/prn1.yml", vaulted("pin: 4711-4711\n"))
    commit(school.repository)
    recrypted = resolved(school, "all").hosts
    assert changed_hosts(before.hosts, recrypted) == {"prn1"}, "the same secret under a new ciphertext"

    write(folder, "group_vars/servers.yml", "level: 3\n" + inline("db_password", "hunter2-db"))
    commit(school.repository)
    assert changed_hosts(recrypted, resolved(school, "servers").hosts) == {"srv1", "srv2"}


def test_a_limit_that_matches_nothing_is_refused(school: Config) -> None:
    with pytest.raises(ConfigError, match="no host of the inventory matches 'laptops'"):
        resolved(school, "laptops")


def test_an_inventory_that_cannot_be_read_is_refused(school: Config) -> None:
    write(school.repository, "inventories/school/group_vars/servers.yml", "level: [3\n")
    commit(school.repository)
    with pytest.raises(ConfigError, match="the inventory cannot be read"):
        resolved(school)


def test_all_vaulted_values_of_what_may_run_are_known_beforehand(story: Story, tmp_path: Path) -> None:
    repository = make(tmp_path / "repo")
    write(repository, "playbooks/vars/a.yml", inline("a", "hunter2-playbook"))
    write(repository, "roles/patching/vars/main.yml", inline("a", "hunter2-role"))
    write(repository, "inventories/school/group_vars/all.yml", inline("a", "hunter2-group"))
    write(repository, "inventories/one.yml", "all:\n  hosts:\n    srv9:\n  vars:\n    ")
    path = repository / "inventories" / "one.yml"
    path.write_text(path.read_text() + inline("b", "hunter2-file").replace("\n", "\n    ").rstrip() + "\n")
    commit(repository)
    password = write(tmp_path, "vault.txt", "open sesame\n")
    school = config(
        repository,
        vault_password_files=(password,),
        inventories=(repository / "inventories" / "school", path),
    )
    with prepare(school, story.drafted(), "plan1", asking=()) as ready:
        expected = set(ready.secrets)
    assert {"hunter2-playbook", "hunter2-role", "hunter2-group", "hunter2-file"} <= expected


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "more.yml",
            "all:\n  hosts:\n    srv9: {ansible_host: 10.9.9.9\n",
            "more.yml, line 4: YAML parsing failed",
        ),
        ("more.yml", "all:\n  hosts:\n    - srv9\n", 'more.yml: Invalid "hosts" entry'),
        ("more", "[servers]\nsrv9 ansible_host\n", "more: Expected key=value host variable"),
    ],
    ids=["half YAML", "a list", "half INI"],
)
def test_a_file_that_is_no_inventory_is_named_with_what_is_wrong_in_it(
    school: Config, name: str, text: str, words: str
) -> None:
    write(school.repository / "inventories" / "school", name, text)
    commit(school.repository)
    with pytest.raises(ConfigError) as error:
        resolved(school, "all")
    assert f"inventories/school/{words}" in error.value.message
    assert len(error.value.message) < 300, "once, not for each plugin"


def test_a_host_is_in_the_groups_above_its_own_too(school: Config) -> None:
    text = "trust:\n  children:\n    applebridge:\n      children: {servers: {}}\n    pearfield: {}\n"
    write(school.repository / "inventories" / "school", "trust.yml", text)
    commit(school.repository)
    assert resolved(school, "srv1").groups == {"srv1": ("applebridge", "servers", "trust")}
