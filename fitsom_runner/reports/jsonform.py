"""The JSON form of a report: the complete model, with a name and a version for those who read it later."""

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fitsom_runner.errors import ExitCode, FitsomError
from fitsom_runner.reports.model import SCHEMA, SCHEMA_VERSION, Report
from fitsom_runner.reports.text import clean


class UnreadableReportError(FitsomError):
    """The text is not a report of this schema and version; the message names the fault."""

    exit_code = ExitCode.USAGE


@cache
def _adapter() -> TypeAdapter[Report]:
    return TypeAdapter(Report)


def to_json(report: Report) -> str:
    """The report as indented JSON; keys are the model's field names in its order, text is cleaned."""
    body = _adapter().dump_python(report, mode="json")
    document = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **_cleaned(body)}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Report:
    """The report that to_json wrote."""
    try:
        body = json.loads(text)
    except ValueError as error:
        raise UnreadableReportError(f"this is not JSON: {error}") from error
    if not isinstance(body, dict) or body.pop("schema", None) != SCHEMA:
        raise UnreadableReportError(f'this JSON is not a fitsom report: "schema" must be "{SCHEMA}"')
    version = body.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise UnreadableReportError(
            f"version {version} of the report schema; this fitsom reads {SCHEMA_VERSION}"
        )
    try:
        return _adapter().validate_json(json.dumps(body), extra="forbid")
    except ValidationError as error:
        raise UnreadableReportError(f"the report does not hold what it should: {error}") from error


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value
