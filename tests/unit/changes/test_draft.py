"""What a requester may write, and that no secret gets into an RfC in plain text."""

from typing import Any

import pytest
from pydantic import ValidationError

from fitsom_runner.changes.draft import RfcDraft, plain_secrets
from fitsom_runner.yamlfile import VAULTED

PLAIN: list[tuple[dict[str, Any], str]] = [
    ({"db_password": "hunter2"}, "db_password"),
    ({"DB_PASSWD": "hunter2"}, "DB_PASSWD"),
    ({"api_key": "k"}, "api_key"),
    ({"apikey": "k"}, "apikey"),
    ({"ssh_private_key": "k"}, "ssh_private_key"),
    ({"auth_token": "t"}, "auth_token"),
    ({"shop": {"client_secret": "s"}}, "shop.client_secret"),
    ({"shop": {"deep": {"passphrase": "s"}}}, "shop.deep.passphrase"),
    ({"users": [{"name": "ann", "password": "s"}]}, "users.0.password"),
    ({"users": [[{"password": "s"}]]}, "users.0.0.password"),
    ({"passwords": ["hunter2"]}, "passwords"),
    ({"shop": {"api_keys": ["{{ vault_key }}", "k"]}}, "shop.api_keys"),
    ({"ports": {80: "open"}, "password": "s"}, "password"),
]


@pytest.mark.parametrize(("values", "name"), PLAIN, ids=[name for _, name in PLAIN])
def test_a_plain_secret_in_extra_variables_is_refused_by_name(values: dict[str, Any], name: str) -> None:
    with pytest.raises(ValidationError) as error:
        RfcDraft(extra_vars=values)
    message = error.value.errors()[0]["msg"]
    assert f"{name} looks like a secret in plain text" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "values",
    [
        {"db_password": {VAULTED: "$ANSIBLE_VAULT;1.1;AES256\n3031"}},
        {"users": [{"password": {VAULTED: "$ANSIBLE_VAULT;1.1;AES256\n3031"}}]},
        {"db_password": "{{ vault_db_password }}"},
        {"db_password": ""},
        {"patching_reboot": "never", "ports": [80, 443], "names": {"a": ["b"]}},
        {"password_rotation_days": 90},
    ],
)
def test_vaulted_values_references_and_ordinary_ones_are_accepted(values: dict[str, Any]) -> None:
    assert RfcDraft(extra_vars=values).extra_vars == values
    assert plain_secrets(values) == []


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "roles/x.yml",
        "playbooks/../x.yml",
        "playbooks/x.sh",
        "playbooks/a b.yml",
        "playbooks/x.yml\n",
    ],
)
@pytest.mark.parametrize("field", ["playbook", "backout_playbook"])
def test_a_playbook_lies_inside_playbooks(field: str, path: str) -> None:
    with pytest.raises(ValidationError, match="playbooks/"):
        RfcDraft.model_validate({field: path})


@pytest.mark.parametrize("path", ["playbooks/patch.yml", "playbooks/sub/patch.yaml"])
def test_a_playbook_is_named_from_the_repository(path: str) -> None:
    assert RfcDraft(playbook=path).playbook == path


@pytest.mark.parametrize(
    ("field", "value"),
    [("failure_risk", "tiny"), ("backout_class", "easy"), ("type", "huge"), ("title", "ab"), ("tilte", "x")],
)
def test_a_value_that_is_not_foreseen_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError):
        RfcDraft.model_validate({field: value})


def test_only_what_was_written_counts() -> None:
    assert RfcDraft.model_validate({"title": "abc", "tags": []}).field_values() == {
        "title": "abc",
        "tags": [],
    }


@pytest.mark.parametrize(
    ("inputs", "words"),
    [({"Roster": "/a"}, "'Roster' is not a name"), ({"roster": "a.csv"}, "is not a full path")],
)
def test_an_input_has_a_plain_name_and_a_full_path(inputs: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RfcDraft(inputs=inputs)
