"""What the environment says about this machine and this person's wishes."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where labs live and how their containers are made."""

    directory: Path
    engine: str
    publish: bool
    base: str | None
    mirror: str | None
    security_mirror: str | None
    warm: bool = False  # whether hosts keep a Python for Ansible's modules: see warm_python.py

    @property
    def home(self) -> str:
        """Tells this lab directory from another checkout's on the same machine."""
        return hashlib.sha256(str(self.directory).encode()).hexdigest()[:4]

    def folder(self, lab: str) -> Path:
        return self.directory / lab


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    engine = environment.get("FITSOM_LAB_ENGINE") or find_engine()
    directory = Path(environment.get("FITSOM_LAB_DIR") or REPOSITORY / ".lab")
    return Settings(
        directory=directory.expanduser().resolve(),
        engine=engine,
        publish=publishes(engine, environment.get("FITSOM_LAB_PUBLISH", "")),
        base=environment.get("FITSOM_LAB_BASE") or None,
        mirror=environment.get("FITSOM_LAB_MIRROR") or None,
        security_mirror=environment.get("FITSOM_LAB_SECURITY_MIRROR") or None,
        warm=environment.get("FITSOM_LAB_WARM") == "1",
    )


def publishes(engine: str, wish: str) -> bool:
    """Whether sshd is reached by a port of 127.0.0.1, since rootless containers have no address to reach."""
    return wish == "1" if wish else "podman" in engine and os.geteuid() != 0


def find_engine() -> str:
    for engine in ("podman", "docker"):
        if shutil.which(engine):
            return engine
    raise LabError("neither podman nor docker is installed", "run scripts/setup, or: apt-get install podman")
