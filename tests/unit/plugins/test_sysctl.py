"""The kernel's settings: what is written, what a container refuses, what is not there."""

import pytest

from plugins.module_utils.baseline.sysctl import judge, ordered, problems, text

SETTINGS = {"kernel.dmesg_restrict": "1", "net.ipv4.ip_forward": 0, "net.ipv4.conf.all.accept_redirects": "0"}
LIVE = {
    "kernel.dmesg_restrict": "0\n",
    "net.ipv4.ip_forward": "1\n",
    "net.ipv4.conf.all.accept_redirects": "0\n",
}


def test_what_differs_and_can_be_written_is_written() -> None:
    verdict = judge(SETTINGS, LIVE, dict.fromkeys(SETTINGS, True))
    assert verdict.write == {"kernel.dmesg_restrict": "1", "net.ipv4.ip_forward": "0"}
    assert (verdict.refused, verdict.missing) == ([], [])
    assert sorted(verdict.all) == sorted(SETTINGS)


def test_what_a_container_may_not_write_is_refused_only_where_it_differs() -> None:
    verdict = judge(SETTINGS, LIVE, {})
    assert verdict.refused == ["kernel.dmesg_restrict", "net.ipv4.ip_forward"]
    assert verdict.write == {}


def test_what_the_kernel_does_not_have_is_missing() -> None:
    assert judge({"kernel.nothing": "1"}, {"kernel.nothing": None}, {}).missing == ["kernel.nothing"]


def test_with_ipv6_switched_off_nothing_of_it_is_missing() -> None:
    desired = {"net.ipv6.conf.all.forwarding": "0", "net.ipv4.ip_forward": "0"}
    live = {"net.ipv6.conf.all.forwarding": None, "net.ipv4.ip_forward": "0"}
    assert judge(desired, live, {}).missing == []


def test_one_misspelt_setting_of_ipv6_is_missing() -> None:
    desired = {"net.ipv6.conf.all.forwarding": "0", "net.ipv6.conf.all.fowarding": "0"}
    live = {"net.ipv6.conf.all.forwarding": "0", "net.ipv6.conf.all.fowarding": None}
    assert judge(desired, live, {}).missing == ["net.ipv6.conf.all.fowarding"]


def test_several_numbers_are_equal_however_they_are_parted() -> None:
    assert judge({"net.ipv4.tcp_rmem": "4096  1 2"}, {"net.ipv4.tcp_rmem": "4096\t1\t2\n"}, {}).refused == []


def test_forwarding_comes_first_since_it_puts_others_back() -> None:
    desired = [*SETTINGS, "net.ipv6.conf.all.forwarding"]
    assert ordered(dict.fromkeys(desired))[:2] == ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]
    assert text(SETTINGS).splitlines()[1] == "net.ipv4.ip_forward = 0"


@pytest.mark.parametrize(
    "key", ["dmesg_restrict", "../etc/passwd", "kernel..x", "kernel.x\ny.z", "kernel.dmesg restrict"]
)
def test_what_is_no_name_of_a_setting_is_reported(key: str) -> None:
    assert problems({key: "1"}) == [f"{key} is not the name of a setting"]


@pytest.mark.parametrize(
    "key", [*SETTINGS, "net.ipv4.conf.eth0/10.rp_filter", "fs.inotify.max_user_instances"]
)
def test_names_as_sysctl_has_them_are_right(key: str) -> None:
    assert problems({key: "1"}) == []


def test_a_setting_without_a_value_is_reported() -> None:
    assert problems({"kernel.dmesg_restrict": " "}) == ["kernel.dmesg_restrict has no value"]
