#!/usr/bin/python
# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a Linux host is, for the configuration management database; changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: configuration_item_facts
short_description: Observe a Linux host for the CMDB
description:
  - Hardware, system and its support, packages, services, file systems, network and the last change,
    as the host itself says.
  - What the host does not say is null, never a guess. A container has no maker and no serial
    number.
author: The fitsom authors (@fitsom)
attributes:
  check_mode:
    description: Changes nothing in either mode.
    support: full
  diff_mode:
    description: There is no difference to show.
    support: none
  facts:
    description: Returns C(ansible_facts).
    support: full
"""

EXAMPLES = r"""
- name: Observe the host
  fitsom.school.configuration_item_facts:
  changed_when: false
"""

RETURN = r"""
ansible_facts:
  description: The host under C(configuration_item).
  type: dict
  returned: success
  contains:
    configuration_item:
      description: hardware, system, packages, services, filesystems, disks, interfaces,
        certificates, last_boot and last_change.
      type: dict
fitsom:
  description: The same among the facts that a run keeps.
  type: dict
  returned: success
"""

import os
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.health.host import (
    Programs,
    certificates,
    filesystems,
    is_person,
    names,
    support,
    system,
)
from ..module_utils.health.texts import (
    boot_time,
    dmi_value,
    interfaces,
    last_change,
    memory_mb,
    packages,
    place_without_people,
    processors,
    unit_without_people,
    units,
)
from ..module_utils.linux import read_text

DMI = "/sys/class/dmi/id/"
BLOCK = "/sys/block/"
STATE = "/var/lib/fitsom"
UNITS = ("--type=service", "--plain", "--no-legend", "--full")


def hardware(programs: Programs) -> Dict[str, Any]:
    """Maker, model, serial number, processor, memory; `virtualization` is none on a real
    machine.
    """
    return {
        "vendor": dmi_value(read_text(DMI + "sys_vendor")),
        "model": dmi_value(read_text(DMI + "product_name")),
        "serial": dmi_value(read_text(DMI + "product_serial")),
        "processor": processors(read_text("/proc/cpuinfo")),
        "memory_mb": memory_mb(read_text("/proc/meminfo")),
        "virtualization": programs.out("systemd-detect-virt").strip() or None,
    }


def operating_system() -> Dict[str, Any]:
    """Its name and version, the kernel, and until when it is supported."""
    release, dates = system(), support()
    return {
        "name": release.get("PRETTY_NAME"),
        "id": release.get("ID"),
        "version": release.get("DEBIAN_VERSION_FULL")
        or (release.get("ID") == "debian" and read_text("/etc/debian_version").strip())
        or release.get("VERSION_ID"),
        "kernel": os.uname().release,
        "architecture": os.uname().machine,
        "support": {"standard": dates.standard.isoformat(), "lts": dates.lts.isoformat()} if dates else None,
    }


def services(programs: Programs) -> Optional[Dict[str, List[str]]]:
    """The names of services, without those of people; None without systemd."""
    if not programs.has("systemctl"):
        return None

    def anonymous(unit: str) -> str:
        # Each name that is looked up asks the directory: of so many units only those made for
        # somebody.
        return unit_without_people(unit, is_person) if "@" in unit else unit

    def names_of(*words: str) -> List[str]:
        return sorted({anonymous(unit) for unit in units(programs.out("systemctl", *words, *UNITS))})

    return {
        "enabled": names_of("list-unit-files", "--state=enabled"),
        "running": names_of("list-units", "--state=running"),
        "failed": names_of("list-units", "--state=failed"),
    }


def disks() -> List[Dict[str, Any]]:
    """Block devices that are disks; a container sees its machine's, so they are left out there."""
    rows = []
    for name in names(BLOCK):
        size = read_text(BLOCK + name + "/size").strip()
        if not name.startswith(("loop", "ram", "zram", "dm-", "md", "sr", "fd")) and size.isdigit():
            model = dmi_value(read_text(BLOCK + name + "/device/model"))
            rows.append({"name": name, "size_gb": round(int(size) * 512 / 1e9, 1), "model": model})
    return rows


def last_boot() -> Optional[str]:
    """In UTC."""
    at = boot_time(read_text("/proc/stat"), read_text("/proc/1/stat"), os.sysconf("SC_CLK_TCK"))
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def changes() -> List[str]:
    """Folders that roles leave for each change, such as backout/CHG-2026-0001."""
    return [name for part in names(STATE) for name in names(os.path.join(STATE, part))]


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    programs = Programs(module)
    form = "${binary:Package}\t${Version}\n"
    container = programs.out("systemd-detect-virt", "--container").strip() not in ("", "none")
    item = {
        "hardware": hardware(programs),
        "system": operating_system(),
        "packages": packages(programs.out("dpkg-query", "-W", "-f", form))
        if programs.has("dpkg-query")
        else None,
        "services": services(programs),
        "filesystems": [
            dict(row, mount=place_without_people(row["mount"], is_person)) for row in filesystems()
        ],
        "disks": [] if container else disks(),
        "interfaces": interfaces(programs.out("ip", "-j", "address")),
        "certificates": certificates(module),
        "last_boot": last_boot(),
        "last_change": last_change(changes()),
    }
    module.exit_json(
        changed=False,
        ansible_facts={"configuration_item": item},
        fitsom={"facts": {"configuration_item": item}},
    )


if __name__ == "__main__":
    main()
