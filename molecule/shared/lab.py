#!/usr/bin/env python3
"""Start and remove labs: see README.md beside this file."""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
runpy.run_module("fitsom_lab", run_name="__main__")
