"""Differences that are not for the record: of files that only root, or another owner, may read.

A record is read by people who could not read the file. Standard library only: the callback plugin uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

#: Read by root alone on every system, whatever a module says of their mode.
_PATHS = re.compile(
    r"/etc/(?:g?shadow-?|security/opasswd|ssl/private/.+|krb5\.keytab|sssd/sssd\.conf|ssh/ssh_host_\w+_key)"
    r"|/(?:root|home/[^/]+)/(?:\.ssh/(?!authorized_keys|known_hosts|config|.*\.pub$).+|\.(?:netrc|pgpass|my\.cnf))"
    r"|/var/lib/samba/private/.+|.*\.keytab"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|^[+-]?PuTTY-User-Key-File-", re.M
)
_CLAUSE = re.compile(r"([ugoa]*)([=+-])([rwxXstugo]*)")
_ROOT = {"", "root", "0"}


def owner_of_private(result: Mapping[str, Any], part: Any, arguments: Mapping[str, Any]) -> str:
    """Who alone may read the file of a difference: "root", or another owner; "" where others may.

    result: what the module returned; part: one part of its difference; arguments: those of the task.
    """
    if not isinstance(part, Mapping) or not any(
        isinstance(part.get(k), str) for k in ("before", "after", "prepared")
    ):
        return ""  # a difference of attributes has no content
    # In check mode a module may say no more of a file than what it was called with.
    invocation = result.get("invocation")
    called_with = invocation.get("module_args") if isinstance(invocation, Mapping) else None
    sources = [s for s in (part, result, called_with, arguments) if isinstance(s, Mapping)]
    private = any(_denies_others(mode) for source in sources for mode in _modes(source))
    private |= any(_PATHS.fullmatch(path) for source in sources for path in _paths(source))
    private |= any(_PRIVATE_KEY.search(str(part.get(k, ""))) for k in ("before", "after", "prepared"))
    if not private:
        return ""
    owner = next((str(s["owner"]) for s in sources if s.get("owner") is not None), "")
    return "root" if owner in _ROOT else owner


def _modes(source: Mapping[str, Any]) -> Iterator[Any]:
    """The mode a source names, and those before and after a change of it."""
    yield source.get("mode")
    parts = source.get("diff")
    for part in parts if isinstance(parts, list) else [parts]:
        if isinstance(part, Mapping):
            yield from (
                side.get("mode")
                for side in (part.get("before"), part.get("after"))
                if isinstance(side, Mapping)
            )


def _paths(source: Mapping[str, Any]) -> Iterator[str]:
    for key in ("path", "dest", "destfile", "name", "before_header", "after_header"):
        value = source.get(key)
        if isinstance(value, str):
            yield value.split(" ")[0]  # modules add words to a header: "/etc/shadow (content)"


def _denies_others(mode: Any) -> bool:
    """Whether a mode as people and modules write it lets neither group nor others read: 0600, 384, "u=rw,go="."""
    if isinstance(mode, int) and not isinstance(mode, bool):
        return not mode & 0o044
    if not isinstance(mode, str):
        return False
    if re.fullmatch("0?o?[0-7]{3,4}", mode):
        return not int(mode.lower().replace("o", ""), 8) & 0o044
    may_read: dict[str, bool] = {}
    for clause in mode.replace(" ", "").split(","):
        match = _CLAUSE.fullmatch(clause)
        if not match:
            return False
        who, how, what = match.groups()
        for each in "go" if not who or "a" in who else who:
            if how == "=" or "r" in what:  # g=u copies the owner's, who may read
                may_read[each] = how != "-" and bool(set(what) & set("rugo"))
    return may_read.get("g") is False and may_read.get("o") is False
