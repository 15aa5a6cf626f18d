"""The options that write an RfC, made once from its fields, for every command that takes them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitsom_runner import caller
from fitsom_runner.changes.fields import FIELDS
from fitsom_runner.errors import IncompleteError

if TYPE_CHECKING:
    from fitsom_runner.changes.draft import RfcDraft

REFERENCE = "docs/reference/rfc.md"


@dataclass(frozen=True)
class RfcOptions:
    """What was given on the command line, by the names of `_parameters`."""

    values: Mapping[str, Any]

    def draft(self) -> RfcDraft:
        """The options over the fields of the file. Raises IncompleteError that names the option."""
        from pydantic import ValidationError

        from fitsom_runner import yamlfile
        from fitsom_runner.changes.draft import RfcDraft, WindowText

        source: Path | None = self.values["source"]
        base = (
            yamlfile.load(source, RfcDraft, reference=REFERENCE, read=caller.current().read)
            if source
            else RfcDraft()
        )
        fields = {f.name: value for f in FIELDS if (value := self.values.get(f.name)) not in (None, [])}
        if self.values["extra_var"]:
            fields["extra_vars"] = {**(base.extra_vars or {}), **extra_vars(self.values["extra_var"])}
        if self.values["input"]:
            fields["inputs"] = {**(base.inputs or {}), **inputs(self.values["input"])}
        start, end, zone = (self.values[name] for name in ("start", "end", "zone"))
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
    command_parameters = inspect.signature(command, eval_str=True).parameters
    rfc_parameters = _parameters()

    def wrapper(**words: Any) -> None:
        values = {parameter.name: words.pop(parameter.name) for parameter in rfc_parameters}
        command(**words, rfc=RfcOptions(values))

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in command_parameters.values()]
    place = list(command_parameters).index("rfc")
    wrapper.__doc__ = command.__doc__
    signature = inspect.Signature([*parameters[:place], *rfc_parameters, *parameters[place + 1 :]])
    wrapper.__signature__ = signature  # type: ignore[attr-defined]
    return wrapper


def _parameters() -> list[inspect.Parameter]:
    def option(name: str, kind: Any, *words: str, **settings: Any) -> inspect.Parameter:
        annotation = Annotated[kind | None, typer.Option(*words, **settings)]
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)

    fields = [
        option(field.name, list[str] if field.repeatable else str, help=field.help or field.heading)
        for field in FIELDS
        if field.is_option
    ]
    return [
        option("source", Path, "--from", help="A YAML file with any of these fields."),
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


def inputs(words: list[str]) -> dict[str, str]:
    """{name: path} of all --input. Raises IncompleteError."""
    paths = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals:
            raise IncompleteError(f"--input {word!r}: expected name=/full/path")
        paths[name.strip()] = str(caller.current().absolute(Path(path)))
    return paths


def extra_vars(words: list[str]) -> dict[str, Any]:
    """The variables of all --extra-var. Raises IncompleteError."""
    values: dict[str, Any] = {}
    for word in words:
        if word.startswith("@"):
            from fitsom_runner import yamlfile

            values |= yamlfile.load_mapping(Path(word[1:]), read=caller.current().read)
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
