"""The file of extra variables, as Ansible reads it: texts stay texts, and none is a template."""

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from hypothesis import given
from hypothesis import strategies as st

from fitsom_runner.ansible.play import _extra_vars

NUMBERS = [
    "1.1",
    "1",
    "0x1f",
    "1_000",
    "1:30",
    "yes",
    "null",
    "~",
    "",
    "2026-07-20",
    "<<",
    "=",
    ".inf",
    "1e3",
]


def read(folder: Path, values: dict[str, Any]) -> Any:
    """What Ansible makes of the file, and of each text when a task uses it."""
    path = folder / "extra_vars.yml"
    path.write_text(_extra_vars(values), encoding="utf-8")
    loader = DataLoader()
    variables = loader.load_from_file(str(path), trusted_as_template=True)
    return {name: Templar(loader, variables).template(value) for name, value in variables.items()}


@pytest.mark.parametrize(
    "text", [*NUMBERS, "{{ 1 + 1 }}", "{% if x %}", "{# x #}", "a\nb: c", "'\"\\", "\u202e", "Zoë"]
)
def test_a_text_comes_as_it_is(tmp_path: Path, text: str) -> None:
    values = {
        "plain": text,
        "inner": {"list": [text, {"deep": text}]},
        "number": 7,
        "nothing": None,
        "yes": True,
    }
    assert read(tmp_path, values) == values


@given(value=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_any_text_comes_as_it_is(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    assert read(tmp_path_factory.mktemp("vars"), {"x": value}) == {"x": value}
