# Copyright: the fitsom authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that finding updates and installing them share: they must be given alike."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  scope:
    description: Install only updates from a security archive, or all of them.
    type: str
    choices: [security, all]
    default: security
  pins:
    description:
      - Exact versions to install, and nothing else; an empty version approves a removal.
      - A version that the archive no longer offers is an error, in check mode too.
    type: dict
    default: {}
  pinned:
    description: Whether O(pins) decides, even an empty one. By default if any pin is given.
    type: bool
  hold:
    description: Names of packages to leave as they are, in addition to those that dpkg holds.
    type: list
    elements: str
    default: []
  exclude:
    description: Name patterns of packages to leave out.
    type: list
    elements: str
    default: []
  allow_removals:
    description: Whether packages may be removed for an update. If not, updates that need it are
      kept back.
    type: bool
    default: false
  security_origins:
    description: Patterns of an archive's label, suite or code name that make an update a security
      update.
    type: list
    elements: str
    default: [Debian-Security, "*-security"]
  lock_timeout:
    description: Seconds to wait while another process holds a lock of apt or dpkg.
    type: int
    default: 300
"""
