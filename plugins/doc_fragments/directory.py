# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of every module that talks to a directory."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  servers:
    description:
      - Names of servers, as their certificates carry them, each with C(:port) if it is not 636.
      - The first that answers is used.
    type: list
    elements: str
    required: true
  kind:
    description: Microsoft's Active Directory, Samba's, or OpenLDAP.
    type: str
    choices: [ad, samba, openldap]
    default: ad
  base:
    description:
      - DN of the unit below which everything is fitsom's. It must be there, and the account must have rights over it.
    type: str
    required: true
  bind_dn:
    description: DN of the account that fitsom uses.
    type: str
    required: true
  bind_password:
    description: Its password.
    type: str
    required: true
  ca_file:
    description:
      - The authority that signed the servers' certificates, as a PEM file. There is no way to switch the check off.
    type: path
    required: true
"""
