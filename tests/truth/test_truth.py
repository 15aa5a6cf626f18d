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


def test_what_fitsom_says_is_what_was_done(ansible: Ansible, tmp_path: Path) -> None:
    tally, lies = Tally(), list[str]()

    def hold(number: int, seed_: int) -> None:
        @seed(seed_)
        @settings(
            max_examples=number,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(drawings())
        def every_playbook(drawing: Drawing) -> None:
            folder = Path(tempfile.mkdtemp(dir=tmp_path))
            found = list(Trial(Machine(ansible=ansible, folder=folder, drawing=drawing), tally).lies())
            if found:  # its folder is kept
                lies.append("\n".join((*found, f"seed {seed_}, {folder}", str(drawing))))
                sys.stderr.write(lies[-1])
            else:
                rmtree(folder)

        every_playbook()

    end, turn = time.monotonic() + 60 * MINUTES, 0
    while not turn or time.monotonic() < end:
        hold(25 if MINUTES else 200, SEED + turn)
        turn += 1
    sys.stderr.write(f"\ntruth: seeds {SEED} to {SEED + turn - 1}, {tally}\n")
    assert not lies, f"{len(lies)} of {tally.playbooks} playbooks, seed {SEED}:\n" + "\n\n".join(lies)
    assert tally.words[Outcome.DONE] > tally.playbooks / 2
    assert tally.words[Outcome.UNKNOWN] and tally.words[Outcome.FAILED]
