"""Limits on homes: what btrfs says, what is to be set, and what is told without naming anybody."""

from __future__ import annotations

from plugins.module_utils.backup.quota import GB, Usage, findings, plan_entry, qgroups, size, to_set

# btrfs-progs 6.2 and, with a path, 6.14.
QGROUPS = """\
Qgroupid    Referenced    Exclusive Max referenced   Path
--------    ----------    --------- --------------   ----
0/5              16384        16384           none   <toplevel>
0/257          4915200      4915200        5000000   homes/anna
0/258            16384        16384           none   homes/ben
1/100            16384        16384           none   <0 member qgroups>
"""


def test_what_btrfs_says_is_read() -> None:
    usages = qgroups(QGROUPS)
    assert usages == {5: Usage(16384, None), 257: Usage(4915200, 5_000_000), 258: Usage(16384, None)}
    assert qgroups("ERROR: can't list qgroups: quotas not enabled") == {}


def test_only_another_limit_is_set() -> None:
    assert to_set([257, 258, 259], qgroups(QGROUPS), 5_000_000) == [258, 259]


def test_what_is_nearly_full_and_what_cannot_be_limited_are_counted() -> None:
    usages = [Usage(4 * GB, 5 * GB), Usage(int(4.5 * GB), 5 * GB), Usage(5 * GB, 5 * GB)]
    plain, full = findings("files1", "/srv/homes", 5 * GB, 1, usages)
    assert plain["what"] == "1 folder under /srv/homes can hold as much as there is room."
    assert (
        full["what"] == "2 folders under /srv/homes hold nine tenths of the 5 GB that each may hold, or more."
    )
    assert findings("files1", "/srv/homes", 5 * GB, 0, usages[:1]) == []


def test_sizes_are_reported_in_words() -> None:
    assert (size(5 * GB), size(GB // 2)) == ("5 GB", "0.5 GB")
    assert plan_entry("/srv/homes", 5 * GB, 42) == ("/srv/homes", "5 GB each for 42 folders")
