"""Git as a store of objects, named by the hash of their bytes; nothing else of it decides what is read.

A repository's own configuration can name programs (filters, fsmonitor, hooks), its attributes can rewrite files when
they are taken out (export-subst, line ends), and `git replace` gives other bytes under the same name. So files are
read object by object, and the hash of what then lies on the disk is computed here.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fitsom_runner.errors import ConfigError, RefusedError

_LINK, _PROGRAM, _FILE, _FOLDER, _SUBMODULE = "120000", "100755", "100644", "40000", "160000"
_LFS = b"version https://git-lfs.github.com/spec/"
#: Settings that name a program, or that let git answer from a cache that somebody may have written.
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.quotePath=false",
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of a commit. `mode` as git writes it, `name` the hash of its bytes as a blob."""

    path: str
    mode: str
    name: str


def run(repository: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Run git and return what it prints. Raises ConfigError with git's own words."""
    try:
        process = subprocess.run(
            _command(repository, arguments), input=stdin, env=_environment(), capture_output=True, check=True
        )
    except FileNotFoundError as fault:
        raise ConfigError("git is not installed", hint="apt-get install git") from fault
    except subprocess.CalledProcessError as fault:
        words = fault.stderr.decode("utf-8", "replace").strip()
        raise ConfigError(f"git {arguments[0]} in {repository} failed: {words}") from fault
    return process.stdout


def succeeds(repository: Path, *arguments: str) -> bool:
    """Whether git answers yes."""
    command = _command(repository, arguments)
    return subprocess.run(command, env=_environment(), capture_output=True, check=False).returncode == 0


def entries(repository: Path, commit: str, paths: list[str]) -> list[Entry]:
    """The files of a commit below these paths. Raises RefusedError for what cannot be taken out and sealed."""
    listing = run(repository, "ls-tree", "-r", "-z", "--full-tree", commit, "--", *paths)
    return [_entry(line) for line in listing.decode("utf-8", "surrogateescape").split("\0") if line]


def top(repository: Path, commit: str) -> dict[str, str]:
    """{file or folder at the top of a commit: its hash}, from a commit and a tree whose bytes have their hashes.

    Raises RefusedError.
    """
    body = run(repository, "cat-file", "commit", commit)
    if _name("commit", body, commit) != commit:
        raise _altered(repository, "the commit", commit)
    tree = body.partition(b"\n")[0].removeprefix(b"tree ").decode()
    rows = run(repository, "cat-file", "tree", tree)
    if _name("tree", rows, tree) != tree:
        raise _altered(repository, "the tree of the commit", tree)
    names, size = {}, len(tree) // 2
    while rows:
        about, _, rest = rows.partition(b"\0")
        names[os.fsdecode(about.partition(b" ")[2])] = rest[:size].hex()
        rows = rest[size:]
    return names


def take_out(repository: Path, files: list[Entry], folder: Path) -> None:
    """Write files as they were committed, byte for byte. Raises RefusedError where an object is not what its name says.

    What git hands over is not trusted: each blob must have the hash that the commit calls it by.
    """
    output = run(
        repository, "cat-file", "--batch", stdin="".join(f"{file.name}\n" for file in files).encode()
    )
    position = 0
    for file in files:
        head, _, _ = output[position : position + 200].partition(b"\n")
        position += len(head) + 1
        words = head.split()
        if len(words) != 3 or words[1] != b"blob":
            raise RefusedError(f"{file.path}: git has lost the object {file.name[:12]} of this commit")
        body = output[position : position + int(words[2])]
        position += len(body) + 1
        if _name("blob", body, file.name) != file.name:
            raise _altered(repository, file.path, file.name)
        if body.startswith(_LFS):
            raise RefusedError(
                f"{file.path} is kept by Git LFS: its bytes are in no commit, so they cannot be sealed",
                hint="Commit the file itself, or name it as an input: fitsom change edit NUMBER --input NAME=/path",
            )
        _write(folder, file, body)


def is_as_committed(path: Path, file: Entry) -> bool:
    """Whether a file of the working tree is what the commit has; line ends may be those of Windows."""
    if not (path.exists() or path.is_symlink()) or _mode(path) != file.mode:
        return False
    if path.is_symlink():
        return tree_hash(path, file.name) == file.name
    body = path.read_bytes()
    return file.name in (_name("blob", each, file.name) for each in (body, body.replace(b"\r\n", b"\n")))


def tree_hash(path: Path, like: str) -> str:
    """The hash that git would give a file or folder on the disk: over names, executable bits, links and bytes.

    like: any hash of the same repository, since some use SHA-256. A folder without files has none: "".
    """
    kind, body = _object(path, like)
    return _name(kind, body, like) if kind else ""


def _altered(repository: Path, what: str, name: str) -> RefusedError:
    return RefusedError(
        f"{what}: the object {name[:12]} in {repository} was altered",
        hint="git fsck names what is damaged; take the repository from a clone that is whole.",
    )


def _object(path: Path, like: str) -> tuple[str, bytes]:
    if path.is_symlink():
        return "blob", os.fsencode(os.readlink(path))  # noqa: PTH115 - Path.readlink() tidies the text
    if path.is_file():
        return "blob", path.read_bytes()
    rows = []
    for inner in path.iterdir():
        mode = _mode(inner)
        name = tree_hash(inner, like)
        if name:
            # Git sorts a folder as if its name ended in a slash.
            key = os.fsencode(inner.name) + (b"/" if mode == _FOLDER else b"")
            rows.append((key, f"{mode} ".encode() + os.fsencode(inner.name) + b"\0" + bytes.fromhex(name)))
    return ("tree", b"".join(row for _key, row in sorted(rows))) if rows else ("", b"")


def _mode(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return _LINK
    if stat.S_ISDIR(mode):
        return _FOLDER
    return _PROGRAM if mode & 0o100 else _FILE


def _name(kind: str, body: bytes, like: str) -> str:
    algorithm = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return algorithm(f"{kind} {len(body)}\0".encode() + body).hexdigest()


def _entry(line: str) -> Entry:
    about, _, path = line.partition("\t")
    mode, _kind, name = about.split(" ")
    if mode == _SUBMODULE:
        raise RefusedError(
            f"{path} is a submodule: its files are not in this repository's commit, so they cannot be sealed",
            hint="Commit its files themselves.",
        )
    parts = path.split("/")
    if path.startswith("/") or set(parts) & {"", ".", "..", ".git"}:
        raise RefusedError(f"{path!r}: a file of the commit would be written outside of its folder")
    return Entry(path=path, mode=mode, name=name)


def _write(folder: Path, file: Entry, body: bytes) -> None:
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise RefusedError(f"{file.path}: a file of the commit would be written through a link")
    if file.mode == _LINK:
        target = os.fsdecode(body)
        inside = os.path.normpath(PurePosixPath(file.path).parent / target)
        if os.path.isabs(target) or inside.split("/")[0] == "..":  # noqa: PTH117 - a text, not a file
            raise RefusedError(
                f"{file.path} is a link that leads out of the repository: what it leads to cannot be sealed",
                hint="Put the file itself there.",
            )
        path.symlink_to(target)
        return
    path.write_bytes(body)
    path.chmod(0o755 if file.mode == _PROGRAM else 0o644)


def _command(repository: Path, arguments: tuple[str, ...]) -> list[str]:
    settings = (word for setting in _SETTINGS for word in ("-c", setting))
    # Another account may own it: git then refuses to read it, since it would follow its configuration.
    return ["git", *settings, "-c", f"safe.directory={repository}", "-C", str(repository), *arguments]


def _environment() -> dict[str, str]:
    """Ours without git's variables, which can point to another store or configuration."""
    kept = {name: value for name, value in os.environ.items() if not re.match("GIT_", name)}
    ours = {
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        # A "partial clone" fetches what is missing, by a program that its configuration names.
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
    }
    return {**kept, **ours}
