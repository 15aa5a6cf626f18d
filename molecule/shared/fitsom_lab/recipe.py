"""Recipes of images: pure text, so that the hash of a recipe says whether an image must be built again."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import dataclass

from .errors import LabError
from .sources import Mirrors

USER = "ansible"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
INIT = "/lib/systemd/systemd"
RELEASES = {"debian11": "bullseye", "debian12": "bookworm", "debian13": "trixie"}
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "python3", "python3-apt", "sudo", "openssh-server", "ca-certificates",
    "needrestart", "iproute2", "procps", "apt-utils", "nftables", "openssl", "curl", "less", "logrotate",
    "cron",
)  # fmt: skip
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "apt-daily.service", "apt-daily-upgrade.service")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One image: a Debian release, current or with outstanding updates."""

    name: str
    codename: str
    outdated: bool
    mirrors: Mirrors
    base: str | None = None

    @property
    def digest(self) -> str:
        text = containerfile(self) if self.base else json.dumps(mmdebstrap_command(self))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def tag(self) -> str:
        return f"localhost/fitsom-lab:{self.name}-{self.digest}"


def recipe_for(name: str, mirrors: Mirrors, base: str | None = None) -> Recipe:
    release, dash, variant = name.partition("-")
    if release not in RELEASES or (dash and variant != "outdated"):
        known = ", ".join(f"{known}[-outdated]" for known in RELEASES)
        raise LabError(f"unknown image {name!r}", f"images: {known}")
    return Recipe(
        name=name,
        codename=RELEASES[release],
        outdated=bool(dash),
        mirrors=mirrors,
        base=base.replace("{release}", release.removeprefix("debian")) if base else None,
    )


def deb_lines(recipe: Recipe) -> list[str]:
    """What an image is built from: an outdated one knows the release alone."""
    lines = [f"deb [signed-by={KEYRING}] {recipe.mirrors.release} {recipe.codename} main"]
    if not recipe.outdated:
        lines.append(f"deb [signed-by={KEYRING}] {recipe.mirrors.release} {recipe.codename}-updates main")
        lines.append(f"deb [signed-by={KEYRING}] {recipe.mirrors.security} {recipe.codename}-security main")
    return lines


def final_sources(recipe: Recipe) -> str:
    """What an image is left with: always release, updates and security."""
    paragraphs = [
        (recipe.mirrors.release, f"{recipe.codename} {recipe.codename}-updates"),
        (recipe.mirrors.security, f"{recipe.codename}-security"),
    ]
    return "\n".join(
        f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n"
        for uri, suites in paragraphs
    )


def provision_script(recipe: Recipe) -> str:
    """Runs as root inside the image, once its packages are there."""
    return f"""set -eu
useradd --create-home --shell /bin/bash --password '*' {USER}
install -d -m 0700 -o {USER} -g {USER} /home/{USER}/.ssh
echo '{USER} ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}
chmod 0440 /etc/sudoers.d/{USER}
rm -f /etc/ssh/ssh_host_*
printf 'UseDNS no\\nPasswordAuthentication no\\n' > /etc/ssh/sshd_config.d/lab.conf
systemctl enable ssh.service
systemctl mask {" ".join(MASKED)}
systemctl set-default multi-user.target
echo 'Acquire::Languages "none";' > /etc/apt/apt.conf.d/90lab
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
cat > /etc/apt/sources.list.d/debian.sources <<'END'
{final_sources(recipe)}END
apt-get -q update
apt-get clean
: > /etc/machine-id
"""


def mmdebstrap_command(recipe: Recipe) -> list[str]:
    """Writes the image's file system as a tar to standard output."""
    return [
        "mmdebstrap",
        "--variant=minbase",
        "--quiet",
        f"--include={','.join(PACKAGES)}",
        '--aptopt=APT::Install-Recommends "false"',
        "--skip=cleanup/apt/lists",
        f'--customize-hook=chroot "$1" sh -c {shlex.quote(provision_script(recipe))}',
        recipe.codename,
        "-",
        *deb_lines(recipe),
    ]


def containerfile(recipe: Recipe) -> str:
    """The same image made from an official base image, for people who can reach a registry."""
    build_sources = "\n".join(deb_lines(recipe))
    script = f"""set -eu
grep -q '^VERSION_CODENAME={recipe.codename}$' /etc/os-release || {{
    echo 'the base image is not {recipe.codename}: see FITSOM_LAB_BASE in molecule/shared/README.md' >&2
    exit 1
}}
rm -f /etc/apt/sources.list.d/*
cat > /etc/apt/sources.list <<'END'
{build_sources}
END
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -qy install --no-install-recommends {" ".join(PACKAGES)}
"""
    steps = [f"RUN {json.dumps(['sh', '-c', text])}" for text in (script, provision_script(recipe))]
    end = [f"CMD {json.dumps([INIT])}", "STOPSIGNAL SIGRTMIN+3", ""]
    return "\n".join([f"FROM {recipe.base}", *steps, *end])
