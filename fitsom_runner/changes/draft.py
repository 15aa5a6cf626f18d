"""What a requester writes: the RfC as a file or as options, checked before it becomes a record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fitsom_runner.changes.states import BackOutClass, ChangeType
from fitsom_runner.errors import IncompleteError
from fitsom_runner.yamlfile import VAULTED

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)?$|passw|secret|token|api_?key|private_?key|credential", re.I
)


class WindowText(BaseModel):
    """A window as written; see window.parse."""

    model_config = ConfigDict(extra="forbid")
    start: str
    end: str
    zone: str = ""


class RfcDraft(BaseModel):
    """Everything a requester may set; every field may be left out in an edit."""

    model_config = ConfigDict(extra="forbid", defer_build=True)  # most commands write no RfC
    type: ChangeType | None = None
    title: str | None = Field(default=None, min_length=3, max_length=200)
    item_name: str | None = None
    item_location: str | None = None
    asset_tag: str | None = None
    change_text: str | None = None
    reason: str | None = None
    effect_of_not_changing: str | None = None
    implementation_steps: str | None = None
    impact: str | None = None
    failure_impact: str | None = None
    failure_risk: str | None = None
    risk_evidence: str | None = None
    backout: str | None = None
    backout_class: str | None = None
    communication: str | None = None
    incidents: list[str] | None = None
    problems: list[str] | None = None
    configuration_items: list[str] | None = None
    implementer: str | None = None
    playbook: str | None = None
    backout_playbook: str | None = None
    limit: str | None = None
    tags: list[str] | None = None
    skip_tags: list[str] | None = None
    extra_vars: dict[str, Any] | None = None
    inputs: dict[str, str] | None = None
    window: WindowText | None = None

    @field_validator("playbook", "backout_playbook")
    @classmethod
    def _inside_playbooks(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"playbooks/[A-Za-z0-9_./-]+\.ya?ml", value):
            raise ValueError(f"{value!r} is not a playbook such as playbooks/patch.yml")
        if value and ".." in value:
            raise ValueError("a playbook must be inside playbooks/")
        return value

    @field_validator("failure_risk")
    @classmethod
    def _risk(cls, value: str | None) -> str | None:
        if value and value not in {"low", "medium", "high"}:
            raise ValueError("risk of failure is low, medium or high")
        return value

    @field_validator("backout_class")
    @classmethod
    def _backout_class(cls, value: str | None) -> str | None:
        if value and value not in set(BackOutClass):
            raise ValueError("a back-out class is reversible, restore_from_backup or forward_only")
        return value

    @field_validator("extra_vars")
    @classmethod
    def _no_plain_secrets(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        for name in plain_secrets(value or {}):
            raise ValueError(
                f"{name} looks like a secret in plain text: put it into a vaulted file of the inventory, "
                f"or give it as a !vault value (ansible-vault encrypt_string)"
            )
        return value

    @field_validator("inputs")
    @classmethod
    def _inputs(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        for name, path in (value or {}).items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(
                    f"{name!r} is not a name such as roster (small letters, digits, underscores)"
                )
            if not path.startswith("/"):
                raise ValueError(f"{name}: {path!r} is not a full path (it must begin with /)")
        return value

    def field_values(self) -> dict[str, Any]:
        """Only what was written, without the window."""
        return self.model_dump(exclude_none=True, exclude={"window"})


def plain_secrets(values: Mapping[Any, Any], prefix: str = "") -> list[str]:
    """Names of variables that look secret and are not vault ciphertext, nested ones with dots."""
    names = []
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, list | tuple):
            if _SECRET_NAME.search(str(name)) and any(isinstance(v, str) and "{{" not in v for v in value):
                names.append(path)
                continue
            value = dict(enumerate(value))
        if isinstance(value, Mapping):
            if VAULTED not in value:
                names.extend(plain_secrets(value, f"{path}."))
        elif _SECRET_NAME.search(str(name)) and isinstance(value, str) and value and "{{" not in value:
            names.append(path)
    return names


def require(change_type: ChangeType, values: Mapping[str, Any], has_window: bool) -> None:
    """Check that an RfC is complete enough to be submitted. Raises IncompleteError naming what is missing."""
    required_fields = {
        ChangeType.EMERGENCY: ("title", "reason", "impact"),
        ChangeType.STANDARD: ("title",),
        ChangeType.MINOR: ("title", "reason", "impact", "backout"),
        ChangeType.MAJOR: (
            "title",
            "item_name",
            "change_text",
            "reason",
            "implementation_steps",
            "impact",
            "failure_impact",
            "failure_risk",
            "backout",
        ),
    }[change_type]
    missing = [name for name in required_fields if not str(values.get(name) or "").strip()]
    if not has_window and change_type is not ChangeType.EMERGENCY:
        missing.append("window")
    if missing:
        options = " ".join(
            "--start ... --end ..." if m == "window" else f"--{m.replace('_', '-')} ..." for m in missing
        )
        raise IncompleteError(
            f"a {change_type} change needs: {', '.join(m.replace('_', ' ') for m in missing)}",
            hint=f"Add them with: fitsom change edit {values.get('number', 'NUMBER')} {options}",
        )
