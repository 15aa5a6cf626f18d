"""Files outside of the extract that the content names: no seal covers them, and secrets in them cannot be found.

Only paths that are written out are seen here; one that a template makes up is known to the run alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from fitsom_runner.ansible.vaults import nodes
from fitsom_runner.errors import ConfigError

#: {task: its options that name files of the controller}; "" is a task's text without options.
_TASKS = {
    "include_vars": ("file", "dir", "_raw_params", ""),
    "include_tasks": ("file", "_raw_params", ""),
    "import_tasks": ("file", "_raw_params", ""),
    "import_playbook": ("_raw_params", ""),
    "copy": ("src",),
    "template": ("src",),
    "assemble": ("src",),
    "unarchive": ("src",),
    "script": ("cmd", "_raw_params", ""),
    "win_copy": ("src",),
    "win_template": ("src",),
    "vars_files": ("",),
    "with_file": ("",),
}
_NO = {"no", "false", "off", "0"}
_LOOKUP = re.compile(
    r"\b(?:lookup|query|q)\(\s*(['\"])(?:ansible\.builtin\.|community\.general\.)?"
    r"(?:file|unvault|template|ini|csvfile|password|fileglob|lines)\1\s*,\s*(['\"])([^'\"{}]+)\2"
)
_COMMENT = re.compile(r"^\s*#.*$", re.M)
_TEXTS = {".yml", ".yaml", ".json", ".j2", ""}


def require_inside(folder: Path, playbooks: tuple[str, ...], allowed: Iterable[Path] = ()) -> None:
    """Check that these playbooks read no file outside of the extract but `allowed`, which fitsom.yml names.

    Raises ConfigError: file and line of each.
    """
    unused = _unused(folder, playbooks)
    roots = tuple(allowed)
    found = sorted(
        {each for each in _found(folder) if each[0] not in unused and not _is_below(each[2], roots)}
    )
    if found:
        raise ConfigError(
            "the content reads files outside of the repository: they are not sealed, and secrets in them not known",
            details=tuple(f"{name}:{line}: {path}" for name, line, path in found),
            hint="Commit the file, or name it as an input, fitsom change edit NUMBER --input NAME=/path, "
            "and write {{ fitsom_inputs.NAME }} in place of the path; or name it under 'sandbox: read:' in fitsom.yml.",
        )


def _is_below(written: str, roots: tuple[Path, ...]) -> bool:
    path = Path(os.path.normpath(os.path.expanduser(written)))  # noqa: PTH111 - a text, not a file
    return any(path.is_relative_to(root) for root in roots)


def _unused(folder: Path, playbooks: tuple[str, ...]) -> set[str]:
    """The playbooks of other changes: those that run do not name them, nor does one that they name."""
    others = {str(path.relative_to(folder)) for path in folder.glob("playbooks/*.y*ml")} - set(playbooks)
    reached = list(playbooks)
    while reached and others:
        text = (folder / reached.pop()).read_bytes().decode("utf-8", "replace")
        named = {other for other in others if Path(other).name in text}
        others -= named
        reached += named
    return others


def _found(folder: Path) -> Iterator[tuple[str, int, str]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.suffix not in _TEXTS or name.parts[0] == "inputs" or path.is_symlink() or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        for line, written in (*_in_lookups(text), *_in_tasks(text, path.suffix)):
            if _leads_out(written, path, folder):
                yield str(name), line, written


def _leads_out(written: str, file: Path, folder: Path) -> bool:
    """A relative path is taken from the file's own folder: Ansible looks in folders beside it too, not above."""
    if "{" in written or written == os.devnull:
        return False
    written = os.path.expanduser(written)  # noqa: PTH111 - a text, not a file
    return not Path(os.path.normpath(file.parent / written)).is_relative_to(folder)


def _in_lookups(text: str) -> Iterator[tuple[int, str]]:
    if "lookup" not in text and "query" not in text and "q(" not in text:
        return
    for match in _LOOKUP.finditer(_COMMENT.sub("", text)):
        named = re.search(r"\bfile=(\S+)", match[3])  # lookup('ini', 'name file=/path')
        path = named[1] if named else match[3].split(" ")[0]  # lookup('password', '/path length=8')
        yield text.count("\n", 0, match.start()) + 1, path


def _in_tasks(text: str, suffix: str) -> Iterator[tuple[int, str]]:
    if suffix not in {".yml", ".yaml"} or ("/" not in text and "~" not in text):
        return
    for node in nodes(text):
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                options = _TASKS.get(str(key.value).rpartition(".")[2])
                if options:
                    yield from _paths(options, value)


def _paths(options: tuple[str, ...], value: yaml.Node) -> Iterator[tuple[int, str]]:
    if isinstance(value, yaml.MappingNode):
        of_a_task = {str(key.value): each for key, each in value.value}
        if "remote_src" in of_a_task and str(of_a_task["remote_src"].value).lower() not in _NO:
            return
        for option in options:
            if option in of_a_task:
                yield from _paths(("",), of_a_task[option])
    elif isinstance(value, yaml.SequenceNode) and "" in options:
        for each in value.value:
            yield from _paths(options, each)
    elif isinstance(value, yaml.ScalarNode):
        for word in _words(value.value, options):
            if word.startswith(("/", "~", "../")):
                yield value.start_mark.line + 1, word


def _words(text: str, options: tuple[str, ...]) -> Iterator[str]:
    """Of "src=/a dest=/b" that of the options, of "/a with words" the first."""
    pairs = re.findall(r"(\w+)=(\S+)", text)
    yield from (value.strip("'\"") for option, value in pairs if option in options)
    if "" in options and not pairs and text.strip():
        yield text.split()[0].strip("'\"")
