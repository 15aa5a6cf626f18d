"""Recipes of images: pure text, so that the hash of a recipe says whether an image must be built again."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

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
# What `debian12+samba` has more than `debian12`; started by nobody while the image is built.
EXTRAS = {
    "samba": (
        "samba", "samba-dsdb-modules", "samba-vfs-modules", "samba-ad-provision", "winbind", "krb5-user",
        "smbclient", "ldb-tools", "ldap-utils", "attr", "acl", "dnsutils",
    ),
    "openldap": ("slapd", "ldap-utils"),
    "adclient": (
        "sssd", "sssd-ad", "sssd-tools", "adcli", "krb5-user", "smbclient", "libnss-sss", "libpam-sss",
        "oddjob-mkhomedir", "dnsutils",
    ),
    "frr": ("frr",),
    "backups": ("restic", "rclone"),
    "postgresql": ("postgresql",),
    "mariadb": ("mariadb-server",),
    "printing": ("cups", "cups-filters", "ghostscript"),
    "printers": ("cups-ipp-utils", "cups-client"),
    "kernel": ("linux-image-cloud-amd64", "initramfs-tools", "zstd"),
    "controller": ("bubblewrap", "git", "openssh-client", "python3-venv", "acl"),
    "s3": ("swift-proxy", "swift-account", "swift-container", "swift-object", "memcached"),
}  # fmt: skip
# Debian 13 has the domain controller in a package of its own, and dnsutils under its true name.
EXTRAS_OF_RELEASE = {("samba", "debian13"): ("samba-ad-dc",)}
RENAMED = {"debian13": {"dnsutils": "bind9-dnsutils"}}
KEPT_CODE = Path(__file__).with_name("kept_code.py").read_text(encoding="utf-8")
SHORT_LISTS = Path(__file__).with_name("short_lists.sh").read_text(encoding="utf-8")
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "apt-daily.service", "apt-daily-upgrade.service")

UNPROVISIONED = ("smbd", "nmbd", "winbind", "samba-ad-dc", "slapd", "sssd", "oddjobd", "cups")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One image: a Debian release, current or with outstanding updates, and what is added to it."""

    name: str
    codename: str
    outdated: bool
    mirrors: Mirrors
    base: str | None = None
    parent: Recipe | None = None  # the image that the extras are added to
    packages: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        layered = self.base or self.parent
        text = containerfile(self) if layered else json.dumps(mmdebstrap_command(self))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def tag(self) -> str:
        return f"localhost/fitsom-lab:{self.name.replace('+', '.')}-{self.digest}"


def recipe_for(name: str, mirrors: Mirrors, base: str | None = None) -> Recipe:
    """The recipe of `debian12`, `debian12-outdated` or `debian12+samba+adclient`."""
    plain, plus, extras = name.partition("+")
    release, dash, variant = plain.partition("-")
    if release not in RELEASES or (dash and variant != "outdated"):
        known = ", ".join(f"{known}[-outdated]" for known in RELEASES)
        raise LabError(f"unknown image {name!r}", f"images: {known}, each also with +{' or +'.join(EXTRAS)}")
    recipe = Recipe(
        name=plain,
        codename=RELEASES[release],
        outdated=bool(dash),
        mirrors=mirrors,
        base=base.replace("{release}", release.removeprefix("debian")) if base else None,
    )
    if not plus:
        return recipe
    return replace(
        recipe, name=name, base=None, parent=recipe, packages=extra_packages(name, release, extras)
    )


def extra_packages(name: str, release: str, extras: str) -> tuple[str, ...]:
    """The packages of extras joined by +, each once."""
    wanted = extras.split("+")
    unknown = [extra for extra in wanted if extra not in EXTRAS]
    if unknown:
        raise LabError(f"unknown extra {unknown[0]!r} of image {name!r}", f"extras: {', '.join(EXTRAS)}")
    renamed = RENAMED.get(release, {})
    packages = [
        package
        for extra in wanted
        for package in (*EXTRAS[extra], *EXTRAS_OF_RELEASE.get((extra, release), ()))
    ]
    return tuple(dict.fromkeys(renamed.get(package, package) for package in packages))


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
cat > /usr/lib/python3/dist-packages/lab_kept_code.py <<'END'
{KEPT_CODE}END
echo 'import lab_kept_code; lab_kept_code.install()' > /usr/lib/python3/dist-packages/lab.pth
install -d -m 0755 /var/cache/lab-python
cat > /usr/local/sbin/lab-short-lists <<'END'
{SHORT_LISTS}END
chmod 0755 /usr/local/sbin/lab-short-lists
echo 'APT::Update::Post-Invoke {{"lab-short-lists";}};' >> /etc/apt/apt.conf.d/90lab
apt-get -q update
apt-get clean
apt-cache gencaches
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
        "--dpkgopt=force-unsafe-io",  # stays in the image: a lab that lost power is made anew
        "--skip=cleanup/apt/lists",
        f'--customize-hook=chroot "$1" sh -c {shlex.quote(provision_script(recipe))}',
        recipe.codename,
        "-",
        *deb_lines(recipe),
    ]


def containerfile(recipe: Recipe) -> str:
    """How the engine builds an image upon another: our own with extras, or an official base image."""
    return _with_extras(recipe, recipe.parent) if recipe.parent else _upon_official(recipe)


def _with_extras(recipe: Recipe, parent: Recipe) -> str:
    """No daemon is started while packages are installed (policy-rc.d); at boot each host starts what it provisions."""
    script = f"""set -eu
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
apt-get -q update
apt-get -qy install --no-install-recommends {" ".join(recipe.packages)}
apt-get clean
apt-cache gencaches
rm /usr/sbin/policy-rc.d
systemctl disable {" ".join(f"{unit}.service" for unit in UNPROVISIONED)} 2>/dev/null || true
: > /etc/machine-id
"""
    return f"FROM {parent.tag}\nRUN {json.dumps(['sh', '-c', script])}\n"


def _upon_official(recipe: Recipe) -> str:
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
