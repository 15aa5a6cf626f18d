"""Whatever Ansible does, the record tells the truth: made-up playbooks, what was really done, and fitsom's words on it.

`make fuzz` draws for longer: MINUTES=60 SEED=7.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from shutil import rmtree

from hypothesis import HealthCheck, Phase, given, seed, settings

from fitsom_runner.execution.states import Outcome
from tests.truth.machine import Ansible, Machine
from tests.truth.playbooks import Drawing, drawings
from tests.truth.trial import Tally, Trial

MINUTES = float(os.environ.get("FITSOM_FUZZ_MINUTES") or 0)
#: Of `make test`, always the same: what is new there is what somebody has changed.
SEED = int(os.environ.get("FITSOM_FUZZ_SEED") or (int.from_bytes(os.urandom(3)) if MINUTES else 1))
NUMBER = 10**6 if MINUTES else 200


def test_what_fitsom_says_is_what_was_done(ansible: Ansible, tmp_path: Path) -> None:
    tally, end = Tally(), time.monotonic() + 60 * MINUTES if MINUTES else 0.0
    lies: list[str] = []

    @seed(SEED)
    @settings(
        max_examples=NUMBER,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(drawings())
    def every_playbook(drawing: Drawing) -> None:
        if end and time.monotonic() > end:
            return
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        found = list(Trial(Machine(ansible=ansible, folder=folder, drawing=drawing), tally).lies())
        if found:  # its folder is kept
            lies.append("\n".join((*found, f"seed {SEED}, {folder}", str(drawing))))
            sys.stderr.write(lies[-1])
        else:
            rmtree(folder)

    every_playbook()
    assert not lies, f"{len(lies)} of {tally.playbooks} playbooks, seed {SEED}:\n" + "\n\n".join(lies)
    sys.stderr.write(f"\ntruth: seed {SEED}, {tally}\n")
    assert tally.words[Outcome.DONE] > tally.playbooks / 2
    assert tally.words[Outcome.UNKNOWN] and tally.words[Outcome.FAILED]
