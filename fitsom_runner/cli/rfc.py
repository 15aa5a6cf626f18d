"""The options that write an RfC, made once from its fields, for every command that takes them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitsom_runner.changes.fields import FIELDS
from fitsom_runner.errors import IncompleteError

if TYPE_CHECKING:
    from fitsom_runner.changes.draft import RfcDraft

REFERENCE = "docs/reference/rfc.md"


@dataclass(frozen=True)
class RfcOptions:
    """What was given on the command line, by the names of `_parameters`."""

    given: Mapping[str, Any]

    def draft(self) -> RfcDraft:
        """The options over the fields of the file. Raises IncompleteError that names the option."""
        from pydantic import ValidationError

        from fitsom_runner import yamlfile
        from fitsom_runner.changes.draft import RfcDraft, WindowText

        source: Path | None = self.given["source"]
        base = yamlfile.load(source, RfcDraft, reference=REFERENCE) if source else RfcDraft()
        fields = {f.name: value for f in FIELDS if (value := self.given.get(f.name)) not in (None, [])}
        if self.given["extra_var"]:
            fields["extra_vars"] = {**(base.extra_vars or {}), **extra_vars(self.given["extra_var"])}
        if self.given["input"]:
            fields["inputs"] = {**(base.inputs or {}), **_inputs(self.given["input"])}
        start, end, zone = (self.given[name] for name in ("start", "end", "zone"))
        if start or end or zone:
            if not (start and end):
                raise IncompleteError(
                    "a window has a --start and an --end",
                    hint="A --zone alone would leave open which moment is meant.",
                )
            fields["window"] = WindowText(start=start, end=end, zone=zone or "")
        try:
            return RfcDraft.model_validate({**base.model_dump(exclude_none=True), **fields})
        except ValidationError as fault:
            details = tuple(f"--{str(e['loc'][0]).replace('_', '-')}: {e['msg']}" for e in fault.errors())
            raise IncompleteError("the change cannot be written like this", details=details) from fault


def with_rfc_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer sees it: in place of its parameter `rfc: RfcOptions`, an option for each field."""
    own = inspect.signature(command, eval_str=True).parameters
    ours = _parameters()

    def called(**words: Any) -> None:
        given = {parameter.name: words.pop(parameter.name) for parameter in ours}
        command(**words, rfc=RfcOptions(given))

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own.values()]
    place = list(own).index("rfc")
    called.__doc__ = command.__doc__
    signature = inspect.Signature([*parameters[:place], *ours, *parameters[place + 1 :]])
    called.__signature__ = signature  # type: ignore[attr-defined]
    return called


def _parameters() -> list[inspect.Parameter]:
    def option(name: str, kind: Any, *words: str, **more: Any) -> inspect.Parameter:
        annotation = Annotated[kind | None, typer.Option(*words, **more)]
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)

    fields = [
        option(field.name, list[str] if field.many else str, help=field.help or field.heading)
        for field in FIELDS
        if field.asked
    ]
    return [
        option("source", Path, "--from", help="A YAML file with any of these fields.", exists=True),
        *fields,
        option("extra_var", list[str], "--extra-var", "-e", help="name=value, JSON, or @FILE."),
        option(
            "input",
            list[str],
            help="name=/full/path: a file or folder from outside git; its content is sealed.",
        ),
        option("start", str, help='"2026-11-27 18:00"'),
        option("end", str, help='"19:00", a full time, or "+60m"'),
        option("zone", str, help="IANA zone; default: the school's."),
    ]


def _inputs(words: list[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals:
            raise IncompleteError(f"--input {word!r}: expected name=/full/path")
        found[name.strip()] = str(Path(path).expanduser().absolute())
    return found


def extra_vars(words: list[str]) -> dict[str, Any]:
    """The variables of all --extra-var. Raises IncompleteError."""
    values: dict[str, Any] = {}
    for word in words:
        if word.startswith("@"):
            from fitsom_runner import yamlfile

            values |= yamlfile.load_mapping(Path(word[1:]))
        elif word.lstrip().startswith("{"):
            try:
                values |= json.loads(word)
            except ValueError as fault:
                raise IncompleteError(f"--extra-var: not valid JSON: {fault}") from fault
        elif "=" in word:
            name, _, value = word.partition("=")
            values[name.strip()] = value
        else:
            raise IncompleteError(f"--extra-var {word!r}: expected name=value, JSON, or @FILE")
    return values
