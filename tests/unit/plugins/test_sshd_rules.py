"""Settings of the OpenSSH server, and whom they would shut out."""

from __future__ import annotations

import pytest

from plugins.module_utils.baseline.sshd import Login, effective, faults, overridden, render, shut_out

LEE = Login("lee", ["lee", "sudo"], "10.0.0.9", "publickey")
OPEN = effective("pubkeyauthentication yes\npasswordauthentication no\nkbdinteractiveauthentication no\n")


def test_settings_come_out_as_lines_under_a_heading() -> None:
    text = render({"PermitRootLogin": False, "AllowGroups": ["sudo", "staff"], "MaxAuthTries": 4}, "Ours.")
    assert text == "# Ours.\nPermitRootLogin no\nAllowGroups sudo staff\nMaxAuthTries 4\n"


@pytest.mark.parametrize(
    "settings",
    [{"Match": "all"}, {"include": "/x"}, {"Bad Name": "1"}, {"Banner": ""}, {"Banner": "a\nUsePAM no"}],
)
def test_what_would_change_the_meaning_of_others_is_a_fault(settings: dict[str, str]) -> None:
    assert faults(settings)
    assert faults({"Banner": "/etc/issue.net"}) == []


@pytest.mark.parametrize(
    ("settings", "answer", "number"),
    [
        ({"MaxAuthTries": 4}, "maxauthtries 6", 1),
        ({"MaxAuthTries": 4}, "maxauthtries 4", 0),
        ({"PermitRootLogin": "prohibit-password"}, "permitrootlogin without-password", 0),
        ({"AllowGroups": ["a", "b"]}, "allowgroups a\nallowgroups b", 0),
        ({"AllowGroups": ["a"]}, "allowgroups a\nallowgroups c", 1),
        ({"LoginGraceTime": "2m"}, "logingracetime 120", 0),
        ({"MACs": "-hmac-sha1"}, "macs umac-64@openssh.com", 0),
        ({"Unknown": "x"}, "maxauthtries 6", 0),
    ],
)
def test_a_setting_that_another_file_overrules_is_reported(
    settings: dict[str, object], answer: str, number: int
) -> None:
    assert len(overridden(settings, effective(answer))) == number


@pytest.mark.parametrize(
    ("answer", "login", "why"),
    [
        ("", LEE, ""),
        ("allowgroups sudo", LEE, ""),
        ("allowgroups su*", LEE, ""),
        ("allowgroups staff", LEE, "AllowGroups (staff) has no group of lee"),
        ("denygroups sudo", LEE, "DenyGroups has a group of lee"),
        ("denyusers lee", LEE, "DenyUsers names lee"),
        ("allowusers may", LEE, "AllowUsers (may) leaves out lee"),
        ("allowusers lee@10.0.0.*", LEE, ""),
        ("allowusers lee@10.9.*", LEE, "AllowUsers"),
        ("pubkeyauthentication no", LEE, "logs in by publickey"),
        ("passwordauthentication no", LEE._replace(by="password"), ""),
        (
            "passwordauthentication no\nkbdinteractiveauthentication no",
            LEE._replace(by="password"),
            "logs in by password",
        ),
        ("kbdinteractiveauthentication no", LEE._replace(by="keyboard-interactive/pam"), ""),
        ("permitrootlogin no", LEE._replace(user="root"), "PermitRootLogin no shuts out root"),
        ("permitrootlogin without-password", LEE._replace(user="root"), ""),
        ("permitrootlogin without-password", LEE._replace(user="root", by="password"), "wants a key of root"),
        ("authenticationmethods publickey,password", LEE, "asks for more than publickey"),
        ("authenticationmethods publickey password", LEE, ""),
    ],
)
def test_a_login_that_would_be_shut_out_is_reported_with_the_reason(
    answer: str, login: Login, why: str
) -> None:
    result = shut_out(effective(answer), login)
    assert (why in result) if why else result == ""


def test_a_login_by_key_stands_the_usual_hardening() -> None:
    assert shut_out(OPEN, LEE) == ""
