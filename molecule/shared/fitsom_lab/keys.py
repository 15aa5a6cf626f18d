"""Keys of a lab: one for the person, one for each host. Made here, no host key is trusted blindly."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from .errors import LabError
from .recipe import USER

WARM_PYTHON = Path(__file__).with_name("warm_python.py")
PYTHON = "usr/lib/python3/dist-packages"  # where every Python of the host looks for .pth files


def ensure_key(path: Path, comment: str) -> str:
    """Make the key pair where it is missing; hand back its public half."""
    public = path.with_name(path.name + ".pub")
    if not (path.exists() and public.exists()):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except FileNotFoundError as error:
            raise LabError("ssh-keygen is not installed", "apt-get install openssh-client") from error
    return public.read_text(encoding="utf-8").strip()


def host_files(authorized: str, host_key: Path, *, warm: bool = False) -> bytes:
    """A tar of what a new host must have before its sshd starts; `podman cp` makes root own all of it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        public = host_key.with_name(host_key.name + ".pub")
        _add(tar, "etc/ssh/ssh_host_ed25519_key", host_key.read_bytes(), 0o600)
        _add(tar, "etc/ssh/ssh_host_ed25519_key.pub", public.read_bytes(), 0o644)
        _add(tar, f"home/{USER}/.ssh/authorized_keys", f"{authorized}\n".encode(), 0o644)
        if warm:
            _add(tar, f"{PYTHON}/lab_warm_python.py", WARM_PYTHON.read_bytes(), 0o644)
            _add(
                tar, f"{PYTHON}/lab_warm.pth", b"import lab_warm_python; lab_warm_python.take_over()\n", 0o644
            )
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
