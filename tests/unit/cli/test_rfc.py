"""One field of an RfC is named once: option, file and record have the same ones."""

import inspect
from pathlib import Path

import pytest

from fitsom_runner.changes.draft import RfcDraft, WindowText
from fitsom_runner.changes.fields import FIELDS, RFC_FIELDS
from fitsom_runner.changes.models import Change
from fitsom_runner.changes.states import ChangeType
from fitsom_runner.cli import change, rfc
from fitsom_runner.cli.rfc import RfcOptions
from fitsom_runner.errors import IncompleteError


def options(**given: object) -> RfcOptions:
    """What Typer hands over: every option, None where it was not given."""
    return RfcOptions({parameter.name: given.get(parameter.name) for parameter in rfc._parameters()})


def test_file_record_and_table_have_the_same_fields() -> None:
    options = {field.name for field in FIELDS if field.is_option}
    assert set(RfcDraft.model_fields) == options | {"extra_vars", "inputs", "window"}
    columns = {column.name for column in Change._meta.get_fields()}
    assert {field.name for field in FIELDS} <= columns
    assert list(RFC_FIELDS)[:3] == ["title", "item_name", "item_location"]
    assert set(Change().rfc()) == set(RFC_FIELDS)


@pytest.mark.parametrize("command", [change.new, change.edit])
def test_each_command_that_writes_an_rfc_takes_every_field(command: object) -> None:
    assert callable(command)
    new_plan = set(inspect.signature(command).parameters)
    assert {field.name for field in FIELDS if field.is_option} <= new_plan
    assert "rfc" not in new_plan
    assert "test_evidence" not in new_plan


def test_every_option_reaches_the_draft(tmp_path: Path) -> None:
    source = tmp_path / "rfc.yml"
    source.write_text("title: From the file\nextra_vars: {a: 1, b: 2}\ninputs: {roster: /srv/a}\n")
    draft = options(
        source=source,
        type=ChangeType.MINOR,
        tags=["one", "two"],
        incidents=["INC-1"],
        extra_var=["b=3"],
        input=["x=/srv/x"],
        start="2026-11-27 18:00",
        end="+60m",
    ).draft()
    assert draft == RfcDraft(
        title="From the file",
        type=ChangeType.MINOR,
        tags=["one", "two"],
        incidents=["INC-1"],
        extra_vars={"a": 1, "b": "3"},
        inputs={"roster": "/srv/a", "x": "/srv/x"},
        window=WindowText(start="2026-11-27 18:00", end="+60m"),
    )


def test_an_input_without_a_name_is_refused() -> None:
    with pytest.raises(IncompleteError, match="expected name=/full/path"):
        options(input=["/srv/x"]).draft()


def test_an_extra_variable_keeps_its_equals_signs() -> None:
    assert rfc.extra_vars(["a=b=c", " x =1"]) == {"a": "b=c", "x": "1"}
