# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options, connection and error handling that the directory modules have in common."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .ldap import LDAP3_ERROR
from .refusals import DirectoryError

ARGUMENTS: dict[str, Any] = {
    "servers": {"type": "list", "elements": "str", "required": True},
    "kind": {"type": "str", "choices": ["ad", "samba", "openldap"], "default": "ad"},
    "base": {"type": "str", "required": True},
    "bind_dn": {"type": "str", "required": True},
    "bind_password": {"type": "str", "required": True, "no_log": True},
    "ca_file": {"type": "path", "required": True},
}


def require_ldap3(module: AnsibleModule) -> None:
    if LDAP3_ERROR:
        module.fail_json(msg=missing_required_lib("ldap3"), exception=LDAP3_ERROR)


def login_from(params: Mapping[str, Any]) -> Any:
    """The connection.Login that the options describe."""
    from .connection import Login

    return Login(
        servers=tuple(params["servers"]),
        bind_dn=params["bind_dn"],
        password=params["bind_password"],
        ca_file=params["ca_file"],
    )


@contextmanager
def fail_without_names(module: AnsibleModule) -> Iterator[None]:
    """Fail the module on any error; an unexpected one is reported without its text."""
    try:
        yield
    except DirectoryError as error:
        module.fail_json(msg=f"the directory: {error}")
    except Exception as error:
        frame = traceback.extract_tb(sys.exc_info()[2])[-1]
        module.fail_json(
            msg=f"unexpected {type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
        )
