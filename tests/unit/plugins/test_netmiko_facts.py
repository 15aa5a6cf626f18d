"""What devices say of themselves. The answers are written as their manuals show them; no such device was at hand."""

from __future__ import annotations

import pytest

from plugins.module_utils.devices.facts import dialect_of, from_answers, from_frr, is_frr

IOS = (
    """\
Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(7)E3, RELEASE SOFTWARE (fc2)
ROM: Bootstrap program is C2960X boot loader
sw1 uptime is 1 week, 2 days
System image file is "flash:c2960x-universalk9-mz.152-7.E3.bin"
cisco WS-C2960X-48TS-L (APM86XXX) processor (revision A0) with 524288K bytes of memory.
Processor board ID FOC1234X5YZ
Configuration register is 0xF
""",
    """\
Interface              IP-Address      OK? Method Status                Protocol
Vlan1                  unassigned      YES NVRAM  administratively down down
Vlan20                 10.20.0.1       YES NVRAM  up                    up
""",
)
NXOS = (
    """\
Software
  BIOS: version 07.69
  NXOS: version 9.3(8)
  NXOS image file is: bootflash:///nxos.9.3.8.bin
Hardware
  cisco Nexus9000 C93180YC-EX chassis
  Processor Board ID FDO1234A5BC
  Device name: core1
Kernel uptime is 10 day(s), 1 hour(s), 2 minute(s), 3 second(s)
  Reason: Reset Requested by CLI command reload
""",
    """\
IP Interface Status for VRF "default"(1)
Interface            IP Address      Interface Status
Vlan20               10.20.0.2       protocol-up/link-up/admin-up
Lo0                  10.0.0.1        protocol-down/link-down/admin-down
""",
)
PROCURVE = (
    """\
 Status and Counters - General System Information

  System Name        : library-sw
  System Contact     : Head of ICT
  System Location    : Library
  MAC Age Time (sec) : 300
  Time Zone          : 0
  Daylight Time Rule : None
  Software revision  : YA.16.10.0012        Base MAC Addr      : 0a1b2c-3d4e5f
  ROM Version        : YA.15.20             Serial Number      : CN12ABC345
  Up Time            : 23 days              Memory   - Total   : 67,102,720
  CPU Util (%)       : 5                    Free     : 42,000,000
  IP Mgmt  - Pkts Rx : 100                  Packet   - Total   : 1000
             Pkts Tx : 100                  Buffers    Free    : 900
                                                       Lowest  : 800
                                                       Missed  : 0
""",
    """\
 Status and Counters - Port Status

                  | Intrusion                           MDI  Flow
  Port Type       | Alert     Enabled Status Mode       Mode Ctrl
  ---- ---------- + --------- ------- ------ ---------- ---- ----
  1    100/1000T  | No        Yes     Up     1000FDx    MDIX off
  2    100/1000T  | No        Yes     Down   1000FDx    Auto off
""",
)
HUAWEI = (
    """\
Huawei Versatile Routing Platform Software
VRP (R) software, Version 5.170 (S5720 V200R011C10SPC600)
Copyright (C) 2000-2018 HUAWEI TECH CO., LTD
HUAWEI S5720-28X-SI-AC Routing Switch uptime is 1 week, 2 days
""",
    """\
PHY: Physical
*down: administratively down
Interface                   PHY   Protocol InUti OutUti   inErrors  outErrors
GigabitEthernet0/0/1        up    up       0.01%  0.01%          0          0
GigabitEthernet0/0/2        *down down        0%     0%          0          0
""",
)


@pytest.mark.parametrize(
    ("kind", "answers", "device", "ports"),
    [
        (
            "cisco_ios",
            IOS,
            ("Cisco", "WS-C2960X-48TS-L", "15.2(7)E3", "FOC1234X5YZ", "sw1"),
            [("Vlan1", "administratively down", []), ("Vlan20", "up", ["10.20.0.1"])],
        ),
        (
            "cisco_nxos_ssh",
            NXOS,
            ("Cisco", "C93180YC-EX", "9.3(8)", "FDO1234A5BC", "core1"),
            [("Vlan20", "up", ["10.20.0.2"]), ("Lo0", "down", ["10.0.0.1"])],
        ),
        (
            "aruba_procurve",
            PROCURVE,
            ("Aruba", "", "YA.16.10.0012", "CN12ABC345", "library-sw"),
            [("1", "up", []), ("2", "down", [])],
        ),
        (
            "huawei_vrpv8",
            HUAWEI,
            ("Huawei", "S5720-28X-SI-AC Routing Switch", "5.170", "", ""),
            [("GigabitEthernet0/0/1", "up", []), ("GigabitEthernet0/0/2", "down", [])],
        ),
    ],
)
def test_each_dialect_comes_out_in_one_form(
    kind: str, answers: tuple[str, str], device: tuple[str, ...], ports: list[tuple[str, str, list[str]]]
) -> None:
    result = from_answers(dialect_of(kind), *answers)
    assert tuple(result[part] for part in ("vendor", "model", "version", "serial", "hostname")) == device
    assert [(p["name"], p["state"], p["addresses"]) for p in result["interfaces"]] == ports


def test_a_kind_that_nobody_described_is_asked_as_cisco_and_leaves_empty_what_it_does_not_say() -> None:
    for kind in ("cisco_ios", "hp_procurve", "huawei"):
        assert from_answers(dialect_of(kind), "% Unknown command", "nothing")["interfaces"] == []
    result = from_answers(dialect_of("zyxel_os_ssh"), "% Unknown command", "nothing")
    assert dialect_of("zyxel_os_ssh").platform == "zyxel_os"
    assert result == {
        "vendor": "",
        "model": "",
        "version": "",
        "serial": "",
        "hostname": "",
        "interfaces": [],
    }


def test_facts_of_frrouting_are_read_by_ourselves() -> None:
    version = "FRRouting 8.4.4 (sw1) on Linux(6.1.0).\nCopyright"
    table = """\
Interface  Status  VRF      Addresses
---------  ------  ---      ---------
eth0       up      default  10.0.0.2/24
lo         down    default
"""
    result = from_frr(version, table)
    assert is_frr(version)
    assert (result["version"], result["hostname"]) == ("8.4.4", "sw1")
    assert [(row["name"], row["state"]) for row in result["interfaces"]] == [("eth0", "up"), ("lo", "down")]
