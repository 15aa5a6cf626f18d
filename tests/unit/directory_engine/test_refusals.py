"""Errors of a server are explained without names."""

from __future__ import annotations

import pytest

from plugins.module_utils.directory.refusals import explain

CANARY = "Zoë Canary"
MESSAGES = {
    f"0000052D: Constraint violation - check_password_restrictions: {CANARY}": "password policy refuses",
    f"00002071: samldb: Account name (sAMAccountName) '{CANARY}' already in use!": "already exists",
    f"00002098: Object CN={CANARY},OU=School has no write property access": "no permission",
    f"no such entry: CN={CANARY}": "insufficientAccessRights",
}


@pytest.mark.parametrize(("message", "explanation"), MESSAGES.items())
def test_messages_are_explained_and_not_quoted(message: str, explanation: str) -> None:
    error = explain(
        {"result": 50, "description": "insufficientAccessRights", "message": message, "dn": CANARY}
    )
    assert explanation in str(error)
    assert CANARY not in str(error) and "Canary" not in str(error)
    assert error.code == 50


def test_an_unknown_error_is_reported_by_its_code() -> None:
    assert str(explain({"result": 80, "description": "other", "message": CANARY})) == "other"
