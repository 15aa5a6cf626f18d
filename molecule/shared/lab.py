#!/usr/bin/env python3
"""Start and remove labs: see README.md beside this file."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fitsom_lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
