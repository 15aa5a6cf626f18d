"""The inventory that a lab leaves for Ansible."""

from __future__ import annotations

import shlex
from pathlib import Path

import yaml
from fitsom_lab.inventory import Address, control_path, inventory, render, ssh_options
from fitsom_lab.spec import parse

SPEC = parse({"hosts": {"srv1": {"groups": ["pilot", "web"]}, "srv2": {"vars": {"ansible_become": False}}}})
ADDRESSES = {"srv1": Address(host="10.0.0.10"), "srv2": Address(host="127.0.0.1", port=40022)}
FOLDER = Path("/srv/lab/demo")


def test_groups_and_connection_data_are_there() -> None:
    found = yaml.safe_load(render(inventory(SPEC, ADDRESSES, FOLDER, "ssh-ed25519 AAAA")))["all"]
    assert found["children"] == {
        "pilot": {"hosts": {"srv1": None}},
        "web": {"hosts": {"srv1": None}},
        "servers": {"hosts": {"srv2": None}},
    }
    assert (found["hosts"]["srv2"]["ansible_host"], found["hosts"]["srv2"]["ansible_port"]) == (
        "127.0.0.1",
        40022,
    )
    assert found["hosts"]["srv1"]["ansible_ssh_private_key_file"] == "/srv/lab/demo/id_ed25519"


def test_a_host_variable_of_the_specification_wins() -> None:
    hosts = inventory(SPEC, ADDRESSES, FOLDER, "ssh-ed25519 AAAA")["all"]["hosts"]
    assert (hosts["srv1"]["ansible_become"], hosts["srv2"]["ansible_become"]) == (True, False)


def test_host_keys_are_checked_against_the_lab_also_in_a_folder_with_spaces() -> None:
    options = shlex.split(ssh_options(Path("/home/a person/lab")))
    assert 'UserKnownHostsFile="/home/a person/lab/known_hosts"' in options


def test_known_hosts_name_a_port_only_where_there_is_one() -> None:
    key = "ssh-ed25519 AAAA srv1"
    assert ADDRESSES["srv1"].known_hosts_line(key) == "10.0.0.10 ssh-ed25519 AAAA\n"
    assert ADDRESSES["srv2"].known_hosts_line(key) == "[127.0.0.1]:40022 ssh-ed25519 AAAA\n"


def test_two_labs_at_one_address_never_share_an_open_connection() -> None:
    assert control_path("ssh-ed25519 AAAA") != control_path("ssh-ed25519 BBBB")
