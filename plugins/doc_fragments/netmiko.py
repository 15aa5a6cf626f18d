# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of every module that logs in to a network device."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description: The device's address.
    type: str
    required: true
  port:
    description: The port, if it is not the usual one of its kind.
    type: int
  device_type:
    description: The kind of device, by netmiko's name, such as C(cisco_ios), C(hp_procurve) or
      C(cisco_ios_telnet).
    type: str
    required: true
  username:
    description: Who logs in.
    type: str
    default: ""
  password:
    description: The password of that account.
    type: str
    default: ""
  key_file:
    description: A private key to log in with instead.
    type: path
  secret:
    description: The enable password; if it is given, enable mode is entered.
    type: str
    default: ""
  known_hosts:
    description:
      - File with the device's ssh host key. Left out it is that of the user. There is no way to
        switch the check off.
    type: path
  timeout:
    description: Seconds to wait for a connection, and for each answer.
    type: int
    default: 30
"""
