# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ldap3, if the controller has it; `arguments.require_ldap3` fails the module if not."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

LDAP3_ERROR = ""

if TYPE_CHECKING:
    import ldap3
    from ldap3.core.exceptions import LDAPException, LDAPExceptionError
    from ldap3.core.tls import Tls
    from ldap3.utils.conv import escape_filter_chars
    from ldap3.utils.dn import escape_rdn
else:
    try:
        import ldap3
        from ldap3.core.exceptions import LDAPException, LDAPExceptionError
        from ldap3.core.tls import Tls
        from ldap3.utils.conv import escape_filter_chars
        from ldap3.utils.dn import escape_rdn
    except ImportError:
        LDAP3_ERROR = traceback.format_exc()
        ldap3: Any = None
        Tls = object
        LDAPException = LDAPExceptionError = Exception
        escape_filter_chars = escape_rdn = None

__all__ = [
    "LDAP3_ERROR",
    "LDAPException",
    "LDAPExceptionError",
    "Tls",
    "escape_filter_chars",
    "escape_rdn",
    "ldap3",
]
