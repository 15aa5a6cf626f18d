"""Local administrators: what is refused, which steps are taken, and that no secret is told."""

from __future__ import annotations

import base64

import pytest

from plugins.module_utils.baseline.administrators import (
    DesiredAccount,
    ExistingAccount,
    describe,
    desired_account,
    faults,
    fingerprint,
    key_parts,
    members,
    needs_no_password,
    plan_entry,
    primary_members,
    refusals,
    steps,
    target_account,
    uid_zero,
    unlisted,
    without_access,
)

BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"k" * 32
KEY = f"ssh-ed25519 {base64.b64encode(BLOB).decode()} lee at home"
OTHER_KEY = f"ssh-ed25519 {base64.b64encode(BLOB[:-1] + b'x').decode()}"
HASH = "$6$salt$canaryhash"
LEE = ExistingAccount(1001, "Canary Name", "/home/lee", "/bin/bash", HASH, "", True, (KEY,))
DESIRED = DesiredAccount("lee", (KEY,), HASH, "Canary Name", "/bin/bash")


def test_a_key_is_known_by_what_is_in_it() -> None:
    assert key_parts(KEY) == ("ssh-ed25519", BLOB)
    assert key_parts('from="10.0.0.0/8",no-pty ' + KEY) == ("ssh-ed25519", BLOB)
    assert key_parts("ssh-ed25519 AAAA") is None
    assert fingerprint(KEY).startswith("SHA256:")
    assert "home" not in fingerprint(KEY)


@pytest.mark.parametrize(
    ("desired", "absent", "why"),
    [
        ([DESIRED, DESIRED], [], "lee is listed twice"),
        ([DESIRED], ["lee"], "lee is an administrator and absent"),
        ([DESIRED, DESIRED._replace(name="may")], [], "lee and may have the same key"),
        ([DESIRED._replace(password="secret")], [], "is not a hash"),
        ([DESIRED._replace(keys=("ssh-ed25519 AAAA",))], [], "is not a public key"),
        ([DESIRED._replace(keys=(KEY + "\n" + OTHER_KEY,))], [], "is not a public key"),
        ([DESIRED._replace(comment="a:b")], [], "has a colon"),
        ([DESIRED._replace(name="Lee Smith")], [], "cannot be the name of an account"),
    ],
)
def test_a_list_that_cannot_be_right_is_refused(
    desired: list[DesiredAccount], absent: list[str], why: str
) -> None:
    (message,) = {text for text in faults(desired, absent) if why in text}
    assert "canary" not in message.lower()
    assert faults([DESIRED, DESIRED._replace(name="may", keys=(OTHER_KEY,))], ["old"]) == []


@pytest.mark.parametrize(
    ("desired", "result", "needed", "why"),
    [
        (DESIRED, None, True, ""),
        (DESIRED._replace(password=None), None, True, "sudo will ask lee for a password"),
        (DESIRED._replace(password=None), None, False, ""),
        (DESIRED._replace(password=None), LEE, True, ""),
        (DESIRED._replace(password=None, keys=()), None, False, "neither a key nor a password"),
        (DESIRED, LEE._replace(uid=33), True, "an account of the system"),
    ],
)
def test_what_the_host_speaks_against_is_refused(
    desired: DesiredAccount, result: ExistingAccount | None, needed: bool, why: str
) -> None:
    message = "; ".join(refusals([desired], [], {"lee": result}, needed))
    assert (why in message) if why else message == ""


def test_an_account_of_the_system_cannot_be_absent() -> None:
    assert refusals([], ["www-data"], {"www-data": LEE._replace(uid=33)}, True)
    assert refusals([], ["gone"], {"gone": None}, True) == []


def test_a_new_administrator_is_made_with_the_hash_on_stdin() -> None:
    todo = steps("lee", None, target_account(DESIRED, None), "sudo")
    assert [step.command[:1] for step in todo] == [["useradd"], ["chpasswd"], ["gpasswd"], []]
    assert todo[1].stdin == "lee:" + HASH
    assert all(HASH not in " ".join(step.command) for step in todo)
    assert todo[3].keys == (KEY,)


def test_an_administrator_as_listed_needs_no_step() -> None:
    assert target_account(DESIRED, LEE) == LEE
    assert target_account(DesiredAccount("lee", None, None, None, "/bin/bash"), LEE) == LEE
    assert steps("lee", LEE, LEE, "sudo") == []


def test_who_is_absent_is_locked_and_one_who_comes_back_is_unlocked() -> None:
    locked = without_access(LEE)
    assert (locked.password, locked.expires, locked.member, locked.keys) == ("!" + HASH, "1", False, ())
    assert without_access(locked) == locked
    assert target_account(DESIRED._replace(password=None), locked) == LEE
    commands = [step.command for step in steps("lee", LEE, locked, "sudo")]
    assert ["usermod", "-e", "1970-01-02", "lee"] in commands
    assert ["gpasswd", "-d", "lee", "sudo"] in commands


def test_a_difference_tells_rights_and_fingerprints_and_no_secret() -> None:
    new = LEE._replace(password="$6$salt$canaryother", comment="Canary Other")
    text = describe(LEE, new) + describe(new, LEE) + describe(None) + str(plan_entry("lee", LEE, new))
    assert "canary" not in text.lower()
    assert "at home" not in text
    assert fingerprint(KEY) in text
    assert describe(LEE, new) == describe(new, LEE)


def test_what_happens_to_an_account_is_reported_in_plain_words() -> None:
    assert plan_entry("lee", None, LEE)["action"] == "add"
    assert plan_entry("lee", None, LEE)["what"] == "may log in and become root; 1 key, a password"
    assert plan_entry("lee", LEE, without_access(LEE))["action"] == "lock"


def test_members_beyond_the_list_are_found_also_where_the_group_is_their_first() -> None:
    group, passwd = "sudo:x:27:lee,may\nx:x:1:\n", "lee:x:1001:1001\njo:x:1002:27\nroot:x:0:0\ntoor:x:0:0\n"
    assert members(group, "sudo") == ["lee", "may"]
    assert members(group, "wheel") == []
    assert primary_members(group, "sudo", passwd) == ["jo"]
    assert unlisted(["lee", "may", "jo", "root"], ["lee"]) == ["jo", "may"]
    assert uid_zero(passwd) == ["toor"]


def test_what_is_left_out_of_the_list_stays() -> None:
    assert desired_account({"name": "lee", "keys": None}) == DesiredAccount(
        "lee", None, None, None, "/bin/bash"
    )


@pytest.mark.parametrize(
    ("text", "unasked"),
    [
        ("ansible ALL=(ALL:ALL) NOPASSWD: ALL\n", True),
        ("Defaults x\n%run ALL=(ALL) NOPASSWD:ALL\n", True),
        ("ansible ALL=(ALL:ALL) ALL\n", False),
        ("# ansible ALL=(ALL:ALL) NOPASSWD: ALL\n", False),
        ("ansible ALL=(ALL:ALL) ALL # NOPASSWD: ALL\n", False),
        ("ansible2 ALL=(ALL:ALL) NOPASSWD: ALL\n", False),
        ("ansible ALL=(ALL:ALL) NOPASSWD: /usr/bin/id\n", False),
    ],
)
def test_a_rule_that_lets_a_user_become_root_unasked_is_known(text: str, unasked: bool) -> None:
    assert needs_no_password(text, "ansible", ["run"]) is unasked
