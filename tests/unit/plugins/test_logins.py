"""Logons, privilege and accounts, from lines that Debian 12 and 13 really wrote (tests/fixtures/logs)."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from plugins.module_utils.security.logins import Event, Reader
from plugins.module_utils.security.logins_review import (
    account_label,
    counts,
    findings,
    locked_out,
    sentence,
    sources,
)

LOGS = Path(__file__).parents[2] / "fixtures/logs"
UIDS = {"root": 0, "backup": 34, "lena": 1001, "mary": 1002}


def read(*lines: str, every: float = 1.0) -> list[Event]:
    """Lines such as `sshd[7]: Accepted ...`, a second apart."""
    reader = Reader()
    for number, line in enumerate(lines):
        result = re.match(r"(\S+?)\[(\d+)\]: (.*)", line)
        assert result, line
        reader.line(result[1], result[2], result[3], number * every)
    events: list[Event] = reader.events
    return events


@pytest.mark.parametrize("release", ["debian12", "debian13"])
def test_success_and_failure_of_each_kind_are_counted(release: str) -> None:
    events = read(*(LOGS / f"{release}.txt").read_text().splitlines())
    assert counts(events) == {
        "logon": {"success": {"ssh": 1}, "failure": {"ssh": 5}},
        "privilege": {"success": {"sudo": 1, "su": 1}, "failure": {"sudo": 4, "su": 2}},
        "account": {
            "success": {
                "useradd": 2, "chpasswd": 2, "usermod": 1, "gpasswd": 1, "chage": 1, "passwd": 2, "userdel": 1,
                "groupadd": 1, "groupdel": 1,
            },
            "failure": {"useradd": 1},
        },
    }  # fmt: skip
    assert sources(events) == {"127.0.0.1": 5}


def test_a_made_up_name_does_not_pretend_to_be_an_address() -> None:
    name = "x from 10.0.0.1 port 22 ssh2"
    (event,) = read(f"sshd[1]: Failed password for invalid user {name} from 192.0.2.9 port 3 ssh2")
    assert (event.source, event.account) == ("192.0.2.9", name)


def test_a_connection_that_ended_without_a_word_is_one_failure() -> None:
    first = "sshd[1]: Connection closed by authenticating user root 192.0.2.9 port 3 [preauth]"
    failed = "sshd[1]: Failed password for root from 192.0.2.9 port 3 ssh2"
    assert len(read(first)) == 1
    assert len(read(failed, first)) == 1
    assert len(read(failed, failed, first)) == 2
    assert len(read(failed, first, first)) == 2, "the next connection may come from the same port"


PAM = "pam_{}({}:auth): authentication failure; logname= uid=0 euid=0 tty=x ruser= rhost={}  user={}"


def test_other_services_are_counted_by_what_pam_says() -> None:
    events = read(
        "login[5]: " + PAM.format("unix", "login", "", "lena"),
        "dovecot[6]: " + PAM.format("unix", "dovecot", "192.0.2.9", "lena"),
        "dovecot[6]: " + PAM.format("unix", "dovecot", "192.0.2.9", "lena"),
        "gdm[7]: pam_unix(gdm-password:session): session opened for user lena(uid=1001) by (uid=0)",
        "cron[8]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
    )
    result = counts(events)["logon"]
    assert result == {"success": {"gdm-password": 1}, "failure": {"login": 1, "dovecot": 2}}
    assert sources(events) == {"192.0.2.9": 2, "here": 1}


def test_an_account_of_the_domain_is_no_failure_because_the_host_does_not_know_it() -> None:
    unix, sss = PAM.format("unix", "login", "", "lena"), PAM.format("sss", "login", "", "lena")
    second = "login[5]: pam_sss(login:auth): authentication success; logname= uid=0 user=lena"
    session = "login[5]: pam_sss(login:session): session opened for user lena by (uid=0)"
    result = counts(read(f"login[5]: {unix}", second, session))["logon"]
    assert result == {"success": {"login": 1}, "failure": {}}
    failures = counts(read(f"login[5]: {unix}", f"login[5]: {sss}"))["logon"]
    assert failures == {"success": {}, "failure": {"login": 1}}, (
        "both parts of PAM tell of one wrong password"
    )


def test_a_wrong_old_password_is_a_change_of_an_account_that_failed() -> None:
    line = (
        "passwd[5]: pam_unix(passwd:chauthtok): authentication failure; logname= uid=1001 rhost=  user=lena"
    )
    assert counts(read(line))["account"] == {"success": {}, "failure": {"passwd": 1}}


def test_what_root_does_by_su_is_no_use_of_privilege() -> None:
    assert read("su[5]: (to lena) root on none") == []


@pytest.mark.parametrize(
    ("account", "uid", "expected"),
    [
        ("root", 0, "the account root"),
        ("backup", 34, "the account backup"),
        ("lena", 1001, "the account with uid 1001"),
        ("whoever", None, ""),
    ],
)
def test_people_are_reported_by_a_number_that_only_the_host_resolves(
    account: str, uid: int | None, expected: str
) -> None:
    assert account_label(account, uid) == expected


def failures(account: str, count: int, source: str = "192.0.2.9", at: float = 0) -> list[Event]:
    return [Event("logon", False, "ssh", at + number, source, account) for number in range(count)]


def success(account: str, at: float, source: str = "192.0.2.9") -> Event:
    return Event("logon", True, "ssh", at, source, account)


def kinds(events: list[Event], limit: int = 10) -> list[tuple[str, str]]:
    return [(row["kind"], row["ci"]) for row in findings("srv1", events, UIDS.get, limit, 7)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (failures("lena", 9), []),
        (failures("lena", 10, ""), [("logon-failures", "srv1: the account with uid 1001")]),
        (failures("root", 10, ""), [("logon-failures", "srv1: the account root")]),
        (failures("made-up", 10), [("logon-guessing", "srv1: logon")]),
        (failures("lena", 5) + failures("mary", 5), [("logon-guessing", "srv1: logon")]),
        (failures("lena", 5) + failures("mary", 5, "192.0.2.8"), []),
        ([*failures("lena", 9), success("lena", 100)], []),
    ],
)
def test_many_failures_are_reported(events: list[Event], expected: list[tuple[str, str]]) -> None:
    assert kinds(events) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([*failures("made-up", 10), success("lena", 3000)], True),
        ([*failures("made-up", 10), success("lena", 9000)], False),
        ([*failures("made-up", 9), success("lena", 3000)], False),
        ([*failures("made-up", 10), success("lena", 3000, "192.0.2.8")], False),
        ([success("lena", 0), *failures("made-up", 10, at=10)], False),
    ],
)
def test_a_success_after_many_failures_from_the_same_place_is_an_exception(
    events: list[Event], expected: bool
) -> None:
    rows = [row for row in findings("srv1", events, UIDS.get, 10, 7) if row["severity"] == "exception"]
    assert [row["kind"] for row in rows] == (["logon-after-failures"] if expected else [])
    assert not rows or rows[0]["evidence"] == "the account with uid 1001, by ssh"


def test_no_name_of_a_person_is_reported() -> None:
    events = failures("lena", 20) + failures("Lena Canary", 20) + [success("lena", 100)]
    result = [*findings("srv1", events, UIDS.get, 10, 7), counts(events), sources(events)]
    assert len(result) == 5
    assert "lena" not in str(result).lower()


def test_a_thousand_places_that_guess_are_one_finding() -> None:
    events = [event for number in range(1000) for event in failures("made-up", 10, f"198.51.100.{number}")]
    (row,) = findings("srv1", events, UIDS.get, 10, 7)
    assert row["what"] == "Failed logons came 10 times or more within 7 days from 1000 addresses."
    assert row["evidence"].count("times") == 5


def test_the_report_gets_one_sentence() -> None:
    result = sentence(counts([*failures("lena", 2), success("lena", 9)]), 7)
    assert result.startswith(
        "Within 7 days: 1 logons and 2 that failed, 0 uses of privilege and 0 that failed"
    )


def tally(at: int, valid: bool = True) -> bytes:
    """One failure as pam_faillock writes it down."""
    return struct.pack("=52sHHQ", b"192.0.2.9", 0, 3 if valid else 2, at)


@pytest.mark.parametrize(
    ("tallies", "settings", "expected"),
    [
        ([tally(950) * 3], "", 1),
        ([tally(950) * 3, tally(950) * 2], "", 1),
        ([tally(950) * 2 + tally(950, valid=False)], "", 0),
        ([tally(300) * 3], "", 0),
        ([tally(300) * 3], "unlock_time = 900", 1),
        ([tally(1) * 3], "unlock_time=never\n", 1),
        ([tally(950) * 3], "# deny = 2\ndeny = 4", 0),
        ([b""], "", 0),
    ],
)
def test_accounts_that_are_kept_out_are_counted(tallies: list[bytes], settings: str, expected: int) -> None:
    assert locked_out(tallies, settings, 1000) == expected
