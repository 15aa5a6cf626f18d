"""A report with the same hostile text in every field that can hold text."""

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from fitsom_runner.reports.model import Report

KEPT = {"zone"}


def poisoned(report: Report, text: str) -> Report:
    result = _poison(report, text)
    assert isinstance(result, Report)
    return result


def _poison(value: Any, text: str) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return text
    if isinstance(value, tuple):
        return tuple(_poison(item, text) for item in value)
    if isinstance(value, dict):
        return {key: _poison(item, text) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        values = {field.name: getattr(value, field.name) for field in fields(value)}
        return type(value)(**{k: v if k in KEPT else _poison(v, text) for k, v in values.items()})
    return value
