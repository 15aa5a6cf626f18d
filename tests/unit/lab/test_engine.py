"""What the machine's limits ask of us."""

from __future__ import annotations

from pathlib import Path

import pytest
from fitsom_lab.engine import containers_conf
from fitsom_lab.errors import LabError
from fitsom_lab.limits import ensure_inotify, instances_needed, rootless_needs

AMPLE = (1 << 20, 1 << 20)


def test_an_ordinary_machine_needs_no_configuration() -> None:
    assert containers_conf(hybrid=False, systemd=True, limits=AMPLE, runc=True) == ""


def test_unlimited_is_not_low() -> None:
    assert containers_conf(hybrid=False, systemd=True, limits=(-1, -1), runc=True) == ""


def test_low_limits_and_hybrid_cgroups_are_told_to_podman() -> None:
    text = containers_conf(hybrid=True, systemd=False, limits=(20000, 1000), runc=True)
    assert 'default_ulimits = ["nofile=4096:4096", "nproc=1000:1000"]' in text
    assert 'runtime = "runc"' in text and 'cgroup_manager = "cgroupfs"' in text


def test_without_runc_nobody_is_sent_to_it() -> None:
    assert "runc" not in containers_conf(hybrid=True, systemd=False, limits=AMPLE, runc=False)


def test_the_limit_is_raised_where_we_may(tmp_path: Path) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text("128\n")
    assert "raised" in ensure_inotify(50, limit)
    assert int(limit.read_text()) == instances_needed(50)
    assert ensure_inotify(50, limit) == ""


def test_else_the_command_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text("128\n")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(LabError) as refused:
        ensure_inotify(50, limit)
    assert refused.value.hint.startswith("once, as root: sysctl -w")


def test_a_plain_user_is_told_all_that_is_missing_at_once(tmp_path: Path) -> None:
    assert len(rootless_needs(tmp_path, {})) == 3


def test_a_machine_with_all_of_it_is_ready(tmp_path: Path) -> None:
    for name in ("sys/fs/cgroup/cgroup.controllers", "dev/net/tun"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert rootless_needs(tmp_path, {"XDG_RUNTIME_DIR": str(tmp_path)}) == []
