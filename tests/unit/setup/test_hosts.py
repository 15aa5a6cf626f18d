"""A list of hosts is read whole, whatever the spreadsheet made of it; or every fault is named at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fitsom_runner.errors import ConfigError
from fitsom_runner.setup import hosts
from fitsom_runner.setup.hosts import GROUPS, Host

ROOT = Path(__file__).resolve().parents[3]
GOOD = "name,address,groups\nsrv1,10.0.0.1,pilot baselined\nsrv2,,servers\n"
TWO = (
    Host(name="srv1", address="10.0.0.1", groups=("pilot", "baselined")),
    Host(name="srv2", groups=("servers",)),
)


def read_hosts(folder: Path, data: str | bytes) -> tuple[Host, ...]:
    path = folder / "hosts.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return hosts.read(path)


def faults(folder: Path, data: str | bytes) -> list[str]:
    """The faults, without the path; the file's name and a line stand before each."""
    with pytest.raises(ConfigError) as error:
        read_hosts(folder, data)
    assert error.value.hint
    details = error.value.details or (error.value.message,)
    assert all(re.match(rf"{folder}/hosts\.csv:\d+: ", line) for line in details), details
    return [line.removeprefix(f"{folder}/hosts.csv:") for line in details]


@pytest.mark.parametrize(
    "data",
    [
        GOOD,
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        "sep=,\n" + GOOD,
        '"sep=;"\r\n' + GOOD.replace(",", ";"),
        "\n\n" + GOOD.replace("\n", "\n,,\n"),
        GOOD.replace("name,", " NAME ,"),
        GOOD.replace("pilot baselined", '"pilot, baselined"'),
        GOOD.replace("pilot baselined", "Pilot+BASELINED|pilot"),
        GOOD.replace("srv2,,servers", "srv2,,servers,,,,"),
        GOOD.encode("utf-8-sig"),
        GOOD.encode("utf-16"),
    ],
)
def test_whatever_a_spreadsheet_writes_is_the_same_list(tmp_path: Path, data: str | bytes) -> None:
    assert read_hosts(tmp_path, data) == TWO


def test_all_columns(tmp_path: Path) -> None:
    head = "groups,name,address,user,port,label,provides,device"
    row = '"servers",sw1,fe80::1,adm,2222,"the ""big"" switch",network,switch'
    assert read_hosts(tmp_path, f"{head}\n{row}\n") == (
        Host(
            name="sw1",
            address="fe80::1",
            groups=("servers",),
            user="adm",
            port=2222,
            label='the "big" switch',
            provides="network",
            device="switch",
        ),
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("name,address,groups\n1srv,,pilot\n", ["2: name: '1srv' is not a host name"]),
        ("name,address,groups\nsrv_1,,pilot\n", ["2: name: 'srv_1' is not a host name"]),
        ("name,address,groups\nsrv[1:3],,pilot\n", ["2: name: 'srv[1:3]' is not a host name"]),
        ("name,address,groups\nall,,pilot\n", ["2: name: all means something else"]),
        ("name,address,groups\nlocalhost,,pilot\n", ["2: name: localhost means something else"]),
        ("name,address,groups\nPilot,,pilot\n", ["2: name: Pilot means something else"]),
        ("name,address,groups\n,10.0.0.1,pilot\n", ["2: name: it is missing"]),
        ("name,address,groups\na,10.0.0.300,pilot\n", ["2: address: '10.0.0.300' is neither"]),
        ("name,address,groups\na,0.0.0.0,pilot\n", ["2: address: '0.0.0.0' is neither"]),
        (
            "name,address,groups\na,-oProxyCommand=x,pilot\n",
            ["2: address: '-oProxyCommand=x' looks like a formula"],
        ),
        (
            "name,address,groups\na,10.0.0.1,pilots\n",
            ["2: groups: 'pilots' is not one of them; did you mean pilot?"],
        ),
        (
            "name,address,groups\na,,pilot estate\n",
            ["2: groups: a host is patched in one ring, not in pilot and est"],
        ),
        ("name,address,groups,port\na,,pilot,70000\n", ["2: port: '70000' is not between"]),
        ("name,address,groups,port\na,,pilot,²\n", ["2: port: '²' is not between"]),
        ("name,address,groups,user\na,,pilot,a b\n", ["2: user: 'a b' is not a login"]),
        ("name,address,groups,label\na,,pilot,=1+1\n", ["2: label: '=1+1' looks like a formula"]),
        ("name,address,groups,label\na,,pilot,@SUM(A1)\n", ["2: label: '@SUM(A1)' looks like a formula"]),
        (
            "name,address,groups,label\na,,pilot,{{ lookup('pipe'%s\n",
            ["2: label: \"{{ lookup('pipe'%s\" would be"],
        ),
        ("name,address,groups,label\na,,pilot,x\x1b[2J\n", ["2: label: the character U+001B"]),
        ("name,address,groups,label\na,,pilot,a\u202eb\n", ["2: label: the character U+202E"]),
        (
            'name,address,groups,label\na,,pilot,"two\nlines"\nb,,x\n',
            ["2: label: the character U+000A", "4: groups: 'x'"],
        ),
        ("name,address,groups\na,,pilot,more\n", ["2: 4 cells, and 3 headings"]),
        ("name,address,groups\na,,pilot\nA,,servers\n", ["3: name: a is in line 2 already"]),
        ("name,address,groups\na,10.0.0.1,pilot\nb,10.0.0.1,pilot\n", ["3: address: 10.0.0.1 is in line 2"]),
        (
            "nmae,address,groups\na,,\n",
            ["1: there is no column 'nmae'; did you mean name?", "1: the column name is mi"],
        ),
        ("name,name,address,groups\na,a,,\n", ["1: the column 'name' appears twice"]),
        ("name,address,groups\n", ["1: no host below the headings"]),
        ('name,address,groups\n"a,,pilot\n', ["2: not valid CSV"]),
        ("name,address,groups\nb\xe9,,pilot\n".encode("latin-1"), ["2: not UTF-8"]),
        ("sep=;\nname;address;groups\n1;;pilot\n", ["3: name: '1' is not a host name"]),
    ],
)
def test_each_fault_is_named_by_line(tmp_path: Path, data: str | bytes, expected: list[str]) -> None:
    faults_found = faults(tmp_path, data)
    assert len(faults_found) == len(expected), faults_found
    for line, begin in zip(faults_found, expected, strict=True):
        assert line.startswith(begin)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    data = "name,address,groups\n1,10.0.0.300,pilots\nsrv,,pilot\nsrv,,pilot\n"
    assert [line.partition(":")[0] for line in faults(tmp_path, data)] == ["2", "2", "2", "4"]


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="empty"):
        read_hosts(tmp_path, "")
    with pytest.raises(ConfigError, match="larger than"):
        read_hosts(tmp_path, b"\0" * 1_000_001)
    with pytest.raises(ConfigError, match="cannot be read"):
        hosts.read(tmp_path / "nowhere.csv")


@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_list_or_a_fault(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        assert read_hosts(folder, data)
    except ConfigError as fault:
        assert fault.hint


def test_two_services_behind_one_address_are_two_hosts(tmp_path: Path) -> None:
    rows = "a,10.0.0.1,pilot,22\nb,10.0.0.1,pilot,2222\n"
    assert len(read_hosts(tmp_path, f"name,address,groups,port\n{rows}")) == 2


def test_a_host_in_no_ring_and_no_device_is_known_as_such() -> None:
    assert Host(name="a", groups=("baselined",)).unpatched
    assert not Host(name="a", groups=("estate",)).unpatched
    assert not Host(name="a", device="switch").unpatched


def test_the_groups_are_those_of_the_playbooks() -> None:
    named: set[str] = set()
    for path in (ROOT / "playbooks").glob("*.yml"):
        for play in yaml.safe_load(path.read_text()):
            named |= set(re.findall(r"[a-z_]+", str(play.get("hosts", ""))))
    assert named - {"all"} == set(GROUPS)
