"""A small git repository with a playbook, a role and an inventory, and a way to vault values."""

import subprocess
from pathlib import Path

from ansible.parsing.vault import VaultLib, VaultSecret

HOSTS = """\
all:
  children:
    servers:
      hosts:
        srv1: {colour: red}
        srv2: {colour: blue}
    printers:
      hosts:
        prn1:
"""
FILES = {
    "playbooks/patch.yml": "- hosts: all\n  tasks: []\n",
    "playbooks/backout.yml": "- hosts: all\n  tasks: []\n",
    "roles/patching/tasks/main.yml": "- ansible.posix.sysctl:\n    name: a\n",
    "ansible.cfg": "[defaults]\n",
    "inventories/school/hosts.yml": HOSTS,
    "inventories/school/group_vars/servers.yml": "level: 3\n",
    "README.md": "not sealed\n",
}


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody who does not depend on this machine's settings."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def write(folder: Path, name: str, text: str) -> Path:
    """Write a file below a folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def make(folder: Path) -> Path:
    """A repository with one commit."""
    for name, text in FILES.items():
        write(folder, name, text)
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    return folder


def commit(folder: Path) -> str:
    """Commit everything; returns the commit."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "content")
    return git(folder, "rev-parse", "HEAD")


def vaulted(text: str, password: str = "open sesame") -> str:  # noqa: S107 - of a test
    """The text as ansible-vault writes it."""
    lib = VaultLib(secrets=[("default", VaultSecret(password.encode()))])
    return str(lib.encrypt(text).decode())


def inline(name: str, text: str, password: str = "open sesame") -> str:  # noqa: S107 - of a test
    """One line of variables with a vaulted value."""
    body = "".join(f"    {line}\n" for line in vaulted(text, password).splitlines())
    return f"{name}: !vault |\n{body}"
