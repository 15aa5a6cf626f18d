"""What is wrong with a file that people write, in their words rather than pydantic's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

_WORDS = {
    "missing": "is missing",
    "string_pattern_mismatch": "may have small letters, digits, '.', '_' and '-', and begins with a letter",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "model_type": "must hold settings such as 'name: value'",
    "model_attributes_type": "must hold settings such as 'name: value'",
    "dict_type": "must hold lines such as 'name: value'",
    "tuple_type": "must be a list, such as [one, two]",
    "list_type": "must be a list, such as [one, two]",
    "frozen_set_type": "must be a list, such as [one, two]",
    "set_type": "must be a list, such as [one, two]",
}
#: What is expected, by how the names of pydantic's errors begin.
_EXPECTED = {
    "date": "a day, such as 2026-12-31",
    "bool": "true or false",
    "int": "a whole number",
    "string_type": "text",
    "path": "a path",
}
Location = tuple[int | str, ...]


def sentence(error: Mapping[str, Any], data: Any, model: type[BaseModel]) -> str:
    """One of pydantic's errors (`ValidationError.errors()`) on `data`, which should be a `model`."""
    location: Location = error["loc"]
    return f"{_place(location, data)}: {_fault(error, location, model)}".removeprefix(": ")


def _place(location: Location, data: Any) -> str:
    """ "role of Bessy Higgins", or "people.1.role" where it has no name."""
    for depth, part in enumerate(location):
        data = _inside(data, part)
        name = (
            data.get("name") or data.get("id") if isinstance(part, int) and isinstance(data, dict) else None
        )
        rest = ".".join(str(each) for each in location[depth + 1 :] if not isinstance(each, int))
        if name and rest:
            return f"{rest} of {name}"
    return ".".join(map(str, location))


def _inside(data: Any, part: int | str) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def _fault(error: Mapping[str, Any], location: Location, model: type[BaseModel]) -> str:
    kind, given = str(error["type"]), error.get("input")
    if kind == "extra_forbidden":
        near = _near(str(location[-1]), _settings(model, location[:-1]))
        return f"there is no such setting{near}"
    if kind in ("enum", "literal_error"):
        expected = str(error["ctx"]["expected"])
        options = [word.strip("' ") for word in expected.replace(" or ", ",").split(",")]
        return f"must be {expected}, not {given!r}{_near(str(given), options)}"
    if kind in _WORDS:
        return _WORDS[kind]
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    for beginning, expected in _EXPECTED.items():
        if kind.startswith(beginning):
            return f"must be {expected}, not {given!r}"
    return str(error["msg"])


def _near(word: str, options: Iterable[str]) -> str:
    found = get_close_matches(word, list(options), n=1)
    return f"; did you mean '{found[0]}'?" if found else ""


def _settings(model: type[BaseModel] | None, location: Location) -> Iterable[str]:
    """The names that may stand at a place."""
    for part in location:
        if isinstance(part, str) and model is not None:
            field = model.model_fields.get(part)
            model = _model_in(field.annotation) if field else None
    return model.model_fields if model else ()


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation such as `tuple[Person, ...]` is about."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
