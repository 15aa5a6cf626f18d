"""Who has power over a host, and by what name a report calls them."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils.security.privileges import (
    Names,
    account_findings,
    accounts,
    findings,
    keys,
    locked,
    privileges_of,
    without_password,
)

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
syslog:x:101:4::/home/syslog:/usr/sbin/nologin
ansible:x:1000:1000::/home/ansible:/bin/bash
lena:x:1001:1001:Lena Canary:/home/lena:/bin/bash
docker-person:x:1002:998::/home/d:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
a broken line
"""
GROUP = "root:x:0:\nadm:x:4:syslog,lena\nsudo:x:27:root,lena\ndocker:x:998:\nusers:x:100:lena\n"
UIDS = {"root": 0, "syslog": 101, "ansible": 1000, "lena": 1001, "docker-person": 1002}
ALL = [{"command": "ALL"}]
FREE = [{"authenticate": False}]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZ1vjyUTvJ0bVLtV0yWeoTHbXNEpZbJyyxN0vKKbCk5 Lena Canary's laptop"
FINGERPRINT = "SHA256:I2YfdwRgquBdKJRA5Jk2VUQuqanPsfX+DU7MDX9zAbM"


def spec(user: dict[str, Any], commands: Any = ALL, options: Any = ()) -> dict[str, Any]:
    """What cvtsudoers says of one line."""
    return {"User_List": [user], "Cmnd_Specs": [{"Options": list(options), "Commands": commands}]}


def rows(
    expected: Any = None, *listed: str, group: str = "", authorized: str = ""
) -> list[tuple[str, str, str]]:
    result = privileges_of(PASSWD, group, {"User_Specs": expected or []}, authorized)
    names = Names(UIDS.get, listed)
    return [(row["severity"], row["ci"], row["evidence"]) for row in findings("srv1", result, names)]


def test_members_of_groups_with_power_are_reported_and_system_accounts_only_where_they_do_not_belong() -> (
    None
):
    assert rows(group=GROUP) == [
        ("warning", "srv1: the account with uid 1002", "group docker"),
        ("warning", "srv1: the account with uid 1001", "group adm; group sudo"),
    ]
    assert rows(group="sudo:x:27:syslog\n") == [("warning", "srv1: the account syslog", "group sudo")]


def test_who_is_on_the_list_is_no_finding() -> None:
    assert rows(None, "lena", "docker-person", group=GROUP) == []


@pytest.mark.parametrize(
    ("message", "listed", "expected"),
    [
        (spec({"username": "root"}), (), []),
        (spec({"usergroup": "sudo"}), (), []),
        (
            spec({"usergroup": "sudo"}, options=FREE),
            (),
            [("warning", "srv1: the group sudo", "sudo: all commands, without a password")],
        ),
        (
            spec({"username": "lena"}, [{"command": "/usr/bin/id"}]),
            (),
            [("warning", "srv1: the account with uid 1001", "sudo: some commands")],
        ),
        (spec({"username": "ansible"}, options=FREE), ("ansible",), []),
        (spec({"userid": 1001}), (), [("warning", "srv1: the account with uid 1001", "sudo: all commands")]),
        (spec({"usergroup": "staff"}), (), [("warning", "srv1: the group staff", "sudo: all commands")]),
        (spec({"usergroup": "staff"}), ("%staff",), []),
        (
            spec({"usergroup": "lena"}),
            (),
            [("warning", "srv1: the group of the account with uid 1001", "sudo: all commands")],
        ),
        (
            spec({"username": "lena.canary@school.test"}),
            (),
            [("warning", "srv1: an account that is not of this computer", "sudo: all commands")],
        ),
        (
            spec({"username": "ALL"}, options=FREE),
            (),
            [("exception", "srv1: everybody", "sudo: all commands, without a password")],
        ),
    ],
)
def test_rules_of_sudo_are_reported(message: Any, listed: tuple[str, ...], expected: Any) -> None:
    assert rows([message], *listed) == expected


def test_keys_of_root_are_reported_by_fingerprint_and_never_by_their_comment() -> None:
    text = f'# {KEY}\nno-pty,command="x y" {KEY}\nrubbish AAAA!\n\n'
    assert keys(text) == [FINGERPRINT]
    assert rows(authorized=text) == [("warning", f"srv1: the key {FINGERPRINT}", "logs in as root by ssh")]
    assert rows(None, FINGERPRINT, authorized=text) == []


def test_a_second_root_and_an_empty_password_are_never_all_right() -> None:
    passwd = PASSWD + "toor:x:0:0::/root:/bin/sh\n"
    shadow = "root:*:1:0:9:7:::\ntoor:$y$x:1:0:9:7:::\nlena::1:0:9:7:::\nansible:!:1:0:9:7:::\n"
    result = account_findings("srv1", passwd, shadow, Names({**UIDS, "toor": 0}.get, ["toor", "lena"]))
    assert [(row["kind"], row["severity"], row["ci"]) for row in result] == [
        ("privilege-uid0", "exception", "srv1: the account toor"),
        ("privilege-no-password", "exception", "srv1: the account lena"),
    ]
    assert without_password(shadow) == ["lena"]


def test_people_are_reported_by_number() -> None:
    result = str(account_findings("srv1", PASSWD, "lena::1:0:9:7:::\n", Names(UIDS.get, [])))
    result += str(rows([spec({"username": "lena"})], group=GROUP, authorized=KEY))
    assert "uid 1001" in result
    assert "lena" not in result.lower()


def test_locked_accounts_of_people_are_counted() -> None:
    shadow = "root:!:1::::::\nlena:!$y$x:1::::::\nansible:*:1::::::\nnobody:!:1::::::\n"
    assert locked(shadow, accounts(PASSWD)) == 1
