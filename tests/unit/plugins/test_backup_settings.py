"""Settings that do not hang together are told before anything is touched, with the way out."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from plugins.filter import backups


class HostVars(dict[str, dict[str, Any]]):
    """As Ansible's own, whose `get` fails for a host that the inventory has not."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - its signature
        return self[key]


EVERYBODY = HostVars(
    {
        "files1": {},
        "backup1": {
            "backups_server": True,
            "backups_server_clients": ["files1"],
            "inventory_hostname": "backup1",
        },
        "other1": {"backups_server": True, "backups_server_clients": []},
    }
)


def settings(**changed: Any) -> dict[str, Any]:
    return {
        "backups_client": True,
        "backups_sets": [{"name": "homes", "owner": "Head", "paths": ["/srv/homes"]}],
        "backups_repositories": [{"name": "main", "server": "backup1"}],
        "backups_quotas": [{"path": "/srv/homes", "gb": 5}],
        "backups_escrow_dir": "/srv/keys",
        "backups_escrow_passphrase": True,
        "backups_server": False,
        "backups_server_clients": [],
        "backups_server_certificate": False,
        "backups_server_certificate_key": False,
        "backups_server_copy_to": "",
        **changed,
    }


def serving(**changed: Any) -> dict[str, Any]:
    return settings(
        backups_client=False,
        backups_server=True,
        **{"backups_server_certificate": True, "backups_server_certificate_key": True, **changed},
    )


def test_settings_that_hang_together_have_no_problem() -> None:
    assert backups.problems("files1", settings(), EVERYBODY) == []
    assert backups.problems("backup1", serving(backups_server_clients=["files1"]), EVERYBODY) == []


def test_a_server_needs_the_escrow_as_well() -> None:
    (result,) = backups.problems("backup1", serving(backups_escrow_dir=""), EVERYBODY)
    assert result.startswith("backups_escrow_dir is empty")
    assert "clients and servers alike" in result


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"backups_repositories": []}, "backups_repositories is empty"),
        ({"backups_quotas": [{"path": "/a", "gb": 1}] * 2}, "/a is in the list twice"),
        ({"backups_quotas": [{"path": "/a", "gb": 0}]}, "gb is more than 0"),
        ({"backups_quotas": [{"path": "a", "gb": 1}]}, "a does not begin with /"),
        ({"backups_escrow_dir": ""}, "backups_escrow_dir is empty"),
        ({"backups_escrow_passphrase": False}, "backups_escrow_passphrase is empty"),
        ({"backups_sets": [{"name": "a", "paths": ["/a"]}] * 2}, "two are named a; rename one"),
        ({"backups_sets": [{"name": "My Files", "paths": ["/a"]}]}, "My Files cannot be the name of a unit"),
        ({"backups_sets": [{"name": "a", "paths": ["srv"]}]}, "srv does not begin with /"),
        ({"backups_sets": [{"name": "a", "paths": ["/a"], "keep": {"hourly": 2}}]}, "hourly is not one of daily"),
        ({"backups_repositories": [{"name": "main"}]}, "give either server or url"),
        ({"backups_repositories": [{"name": "m", "server": "a", "url": "b"}]}, "give either server or url"),
        ({"backups_repositories": [{"name": "m", "server": "nas"}]}, "the inventory has no host nas"),
        ({"backups_repositories": [{"name": "m", "server": "files1"}]}, "files1 keeps no backups"),
        ({"backups_repositories": [{"name": "m", "server": "other1"}]}, "not in backups_server_clients of other1"),
    ],
)  # fmt: skip
def test_a_client_is_reported_what_is_wrong(changed: dict[str, Any], expected: str) -> None:
    (result,) = backups.problems("files1", settings(**changed), EVERYBODY)
    assert expected in result


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"backups_server_certificate": False}, "backups_server_certificate is empty"),
        ({"backups_server_certificate_key": False}, "backups_server_certificate_key is empty"),
        ({"backups_server_clients": ["ghost"]}, "the inventory has no host ghost"),
        ({"backups_server_copy_to": "backup1"}, "a copy on the same host is no copy"),
        ({"backups_server_copy_to": "files1"}, "files1 is not a host of the inventory that serves backups"),
    ],
)
def test_a_server_is_reported_what_is_wrong(changed: dict[str, Any], expected: str) -> None:
    (result,) = backups.problems("backup1", serving(**changed), EVERYBODY)
    assert expected in result


def test_the_login_follows_from_the_key_and_does_not_give_it_away() -> None:
    line = backups.login("files1", {"files1": "canary-key"})
    address = backups.url("files1", EVERYBODY["backup1"], "canary-key")
    assert line.startswith("files1:{SHA}")
    assert address.startswith("rest:https://files1:")
    assert address.endswith("@backup1:8000/files1/")
    assert "canary-key" not in line + address
    assert address == backups.url("files1", EVERYBODY["backup1"], "canary-key")
    assert backups.password("db1", "canary-key") != backups.password("files1", "canary-key")


def test_a_host_that_serves_nothing_has_no_address() -> None:
    with pytest.raises(AnsibleFilterError, match="set backups_server for it"):
        backups.url("files1", EVERYBODY["files1"], "key")
