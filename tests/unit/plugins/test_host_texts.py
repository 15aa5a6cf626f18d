"""What a host says of itself, from texts of real machines."""

from __future__ import annotations

import pytest

from plugins.module_utils.health.texts import (
    boot_time,
    chrony,
    dmi_value,
    entries,
    interfaces,
    last_change,
    memory_mb,
    mounts,
    offset_of,
    os_release,
    packages,
    place_without_people,
    processors,
    security_updates,
    unit_without_people,
    units,
    unpacked,
)

BOOKWORM = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
ID=debian
"""
MOUNTINFO = r"""
664 617 0:116 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
662 664 0:126 / /proc rw,nosuid - proc proc rw
665 664 0:127 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k
670 664 0:130 / /run rw,nosuid - tmpfs tmpfs rw
686 670 0:134 / /run/lock rw,nosuid - tmpfs tmpfs rw
671 664 254:0 /boot /var/lib/long/path rw - ext4 /dev/vda rw
672 664 254:0 / /srv/a\040b rw - ext4 /dev/vda rw
673 664 0:50 / /mnt/nas rw - nfs4 nas:/export rw
674 664 7:1 / /snap/x ro - squashfs /dev/loop1 ro
676 664 0:52 / /var/lib/docker/overlay2/4f/merged rw - overlay overlay rw
677 664 0:53 / /var/lib/docker rw - xfs /dev/vdc rw
675 664 0:51 @home /home rw shared:4 - btrfs /dev/vdb rw
"""
STAT = "cpu 1 2 3\nbtime 1795625111\nprocesses 5\n"
ONE = "1 (systemd) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 135888 22 33\n"
IP = """[{"ifname":"lo","address":"00:00:00:00:00:00","addr_info":[{"local":"127.0.0.1","prefixlen":8,"scope":"host"}]},
{"ifname":"eth0","address":"22:61:96:8e:d0:77","addr_info":[{"local":"10.89.2.11","prefixlen":24,"scope":"global"},
{"local":"fe80::1","prefixlen":64,"scope":"link"}]},{"ifname":"wg0","addr_info":[]}]"""
APT = """\
Reading package lists...
Inst openssl [3.0.16-1~deb12u1] (3.0.17-1~deb12u2 Debian-Security:12/oldstable-security [amd64]) []
Inst libssl3 [3.0.16-1~deb12u1] (3.0.17-1~deb12u2 Debian:12.12/oldstable, Debian-Security:12/oldstable-security [amd64])
Inst tzdata [2025a-0] (2025b-0+deb12u2 Debian:12.12/oldstable, Debian:12-updates/oldstable-updates [all])
Inst linux-image-6.1.0-40-amd64 (6.1.153-1 Debian-Security:12/oldstable-security [amd64])
Conf openssl (3.0.17-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
"""
CHRONY = (
    "0A59020B,10.89.2.11,6,1795627919.841297451,0.000021810,0.000026630,0.000026630,-0.594,-0.000,339.356,"
    "0.000048949,0.002499577,2.0,Normal"
)
NO_SOURCE = (
    "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,"
    "Not synchronised"
)
OWN_CLOCK = (
    "7F7F0101,,5,1795627903.399540621,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,0.000000000,"
    "0.000000000,0.0,Normal"
)


def test_the_system_and_its_machine() -> None:
    assert os_release(BOOKWORM)["PRETTY_NAME"] == "Debian GNU/Linux 12 (bookworm)"
    assert os_release(BOOKWORM)["VERSION_ID"] == "12"
    assert memory_mb("MemTotal:       24683520 kB\nMemFree: 1 kB\n") == 24105
    assert memory_mb("") is None
    two = "processor\t: 0\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nmodel name\t: AMD EPYC\n"
    assert processors(two) == {"count": 2, "model": "AMD EPYC"}
    assert processors("") == {"count": None, "model": None}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("CZ1234ABCD\n", "CZ1234ABCD"),
        ("", None),
        (None, None),
        ("To Be Filled By O.E.M.", None),
        ("To be filled by OEM", None),
        ("Default string", None),
        ("Not Specified", None),
        ("System Serial Number", None),
        ("0000000", None),
        ("None", None),
        ("007", "007"),
    ],
)
def test_a_makers_placeholder_is_no_serial_number(field: str | None, expected: str | None) -> None:
    assert dmi_value(field) == expected


def test_own_file_systems_are_seen_once_at_their_shortest_path() -> None:
    assert [(m.point, m.kind) for m in mounts(MOUNTINFO)] == [
        ("/", "overlay"),
        ("/home", "btrfs"),
        ("/run", "tmpfs"),
        ("/srv/a b", "ext4"),
        ("/var/lib/docker", "xfs"),
    ]


def test_addresses_are_those_that_others_can_reach() -> None:
    assert interfaces(IP) == [
        {"name": "eth0", "mac": "22:61:96:8e:d0:77", "addresses": ["10.89.2.11/24"]},
        {"name": "wg0", "mac": None, "addresses": []},
    ]
    assert interfaces("") == []


def test_the_start_is_that_of_the_first_process() -> None:
    assert boot_time(STAT, ONE, 100) == 1795625111 + 1358
    assert boot_time("", ONE, 100) is None
    assert boot_time(STAT, "", 100) is None


def test_packages_come_back_as_they_were_and_are_reported_apart_by_their_digest() -> None:
    first_packages = packages("zlib1g:amd64\t1:1.2.13\nbash\t5.2.15-2+b7\n")
    assert first_packages["count"] == 2
    assert unpacked(first_packages["versions"]) == {"bash": "5.2.15-2+b7", "zlib1g:amd64": "1:1.2.13"}
    assert packages("bash\t5.2.15-2+b7\nzlib1g:amd64\t1:1.2.13\n") == first_packages
    assert packages("bash\t5.2.15-2+b8\nzlib1g:amd64\t1:1.2.13\n")["digest"] != first_packages["digest"]


def test_too_many_packages_are_left_out_with_their_number_kept() -> None:
    import hashlib

    packed = packages("\n".join(f"{hashlib.sha256(str(n).encode()).hexdigest()}\t{n}" for n in range(2500)))
    assert (packed["count"], packed["versions"]) == (2500, None)


def test_the_newest_change_is_the_last_by_number() -> None:
    assert last_change(["manual", "CHG-2026-0009", "CHG-2026-0010", "CHG-2025-0999"]) == "CHG-2026-0010"
    assert last_change(["manual"]) is None


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("       Offset: +1.234ms", 0.001234),
        ("       Offset: -1min 5s", -60.0),
        ("       Offset: +71us", 0.000071),
        ("       Offset: -2.5s", -2.5),
        ("       Server: 1.2.3.4", None),
    ],
)
def test_the_offset_is_in_seconds(line: str, seconds: float | None) -> None:
    assert offset_of(line) == (None if seconds is None else pytest.approx(seconds))


def test_chrony_follows_a_source_or_none() -> None:
    assert chrony(CHRONY) == (True, 0.00002181)
    assert chrony(NO_SOURCE) == (False, 0.0)
    assert chrony(OWN_CLOCK) == (False, 0.0)
    assert chrony("506 Cannot talk to daemon") == (False, None)


def test_only_installed_packages_have_security_updates() -> None:
    assert security_updates(APT) == {"openssl": "3.0.17-1~deb12u2", "libssl3": "3.0.17-1~deb12u2"}


def test_units_are_the_first_column() -> None:
    assert units("lesson.service loaded failed failed A lesson\nssh.service x\n\n") == [
        "lesson.service",
        "ssh.service",
    ]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("ssh.service", "ssh.service"),
        ("fitsom-backup@homes.service", "fitsom-backup@homes.service"),
        ("sync@mary.service", "sync@*.service"),
        ("home-mary.mount", "home-*.mount"),
        ("home-bob-docs.automount", "home-*.automount"),
        ("user@1001.service", "user@*.service"),
        ("session-3.scope", "session-*.scope"),
        ("mary", "*"),
    ],
)
def test_a_units_name_names_nobody(unit: str, expected: str) -> None:
    assert unit_without_people(unit, {"mary"}.__contains__) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("/", "/"),
        ("/home", "/home"),
        ("/home/bob", "/home/*"),
        ("/home/Bob/disc", "/home/*"),
        ("/run/media/bob/stick", "/run/media/*"),
        ("/srv/mary", "/srv/*"),
        ("/srv/homes", "/srv/homes"),
    ],
)
def test_a_mount_point_names_nobody(place: str, expected: str) -> None:
    assert place_without_people(place, {"mary"}.__contains__) == expected


def test_what_is_no_json_is_left_out_of_the_journal() -> None:
    assert entries('{"UNIT":"a"}\n-- No entries --\n[]\n{"UNIT":"b"}') == [{"UNIT": "a"}, {"UNIT": "b"}]
