# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of every module that connects to a directory."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  servers:
    description:
      - Names of the servers as in their certificates, with C(:port) if the port is not 636.
      - The first server that answers is used.
    type: list
    elements: str
    required: true
  kind:
    description: Active Directory by Microsoft (C(ad)) or by Samba (C(samba)), or OpenLDAP.
    type: str
    choices: [ad, samba, openldap]
    default: ad
  base:
    description:
      - DN of the unit that fitsom manages. It must exist, and the account needs permissions on it.
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
      - PEM file of the authority that signed the servers' certificates. They are always verified.
    type: path
    required: true
"""
