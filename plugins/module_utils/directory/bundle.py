# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the CSV files of a bundle, a folder or a zip, with limits; nothing is unpacked to disk."""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from .model import Fault, FaultyInputError

LARGEST_FILE = 64 * 1024 * 1024
LARGEST_BUNDLE = 256 * 1024 * 1024
MOST_ENTRIES = 500
# What zipfile raises for a broken archive: also for unknown methods, passwords and bad offsets.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, OverflowError)


def read_files(path: Path) -> dict[str, bytes]:
    """{name: content} of the CSV files at the top of a folder or zip."""
    faults: list[Fault] = []
    try:
        files = _from_folder(path, faults) if path.is_dir() else _from_zip(path, faults)
    except _BROKEN:
        files = {}
        faults.append(Fault(file=path.name, reason="is neither a folder nor an intact zip archive"))
    if not files and not faults:
        faults.append(Fault(file=path.name, reason="contains no CSV file"))
    if faults:
        raise FaultyInputError(faults)
    return files


def digest(files: Mapping[str, bytes]) -> str:
    """A SHA-256 of names and contents: the same for a folder and for a zip of it."""
    hasher = hashlib.sha256()
    for name, content in sorted(files.items()):
        hasher.update(f"{name}\n{len(content)}\n".encode())
        hasher.update(content)
    return hasher.hexdigest()


def _from_folder(path: Path, faults: list[Fault]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for entry in sorted(path.iterdir()):
        if entry.suffix != ".csv":
            continue
        # A link could bring in files that are not sealed.
        if entry.is_symlink() or not entry.is_file():
            faults.append(Fault(file=entry.name, reason="is not a regular file"))
        elif _fits_limits(entry.name, entry.stat().st_size, files, faults):
            files[entry.name] = entry.read_bytes()
    return files


def _from_zip(path: Path, faults: list[Fault]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES:
            faults.append(
                Fault(file=path.name, reason=f"has {len(entries)} entries, more than {MOST_ENTRIES}")
            )
            return files
        for number, entry in enumerate(entries, start=1):
            if entry.filename.startswith("__MACOSX/"):
                continue
            problem = _entry_problem(entry, files)
            if problem:
                # The name itself may be crafted; its number in the archive is enough to find it.
                faults.append(Fault(file=path.name, reason=f"entry {number} {problem}"))
            elif entry.filename.endswith(".csv") and _fits_limits(
                entry.filename, entry.file_size, files, faults
            ):
                _unpack(archive, entry, files, faults)
    return files


def _entry_problem(entry: zipfile.ZipInfo, files: Mapping[str, bytes]) -> str:
    parts = entry.filename.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or ":" in parts[0]:
        return "has a path outside the archive"
    if len(parts) > 1:
        return "is a folder or is inside one; the CSV files must be at the top"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a symbolic link"
    return "has the name of an earlier entry" if entry.filename in files else ""


def _fits_limits(name: str, size: int, files: Mapping[str, bytes], faults: list[Fault]) -> bool:
    if size > LARGEST_FILE:
        faults.append(Fault(file=name, reason=f"is larger than {LARGEST_FILE // 1024 // 1024} MB"))
    elif size + sum(map(len, files.values())) > LARGEST_BUNDLE:
        faults.append(
            Fault(file=name, reason=f"makes the bundle larger than {LARGEST_BUNDLE // 1024 // 1024} MB")
        )
    else:
        return True
    return False


def _unpack(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, files: dict[str, bytes], faults: list[Fault]
) -> None:
    """Read at most the stated size; zipfile compares the checksum at the end."""
    try:
        with archive.open(entry) as stream:
            content = stream.read(entry.file_size + 1)
    except _BROKEN:
        faults.append(Fault(file=entry.filename, reason="is damaged or encrypted in the archive"))
        return
    if len(content) != entry.file_size:
        faults.append(Fault(file=entry.filename, reason="does not have the length that the archive states"))
        return
    files[entry.filename] = content
