"""The supervised child of a run: starts Django and hands over to attempt.py.

Called as `python -m fitsom_runner.execution.child RUN` with the run's lock already held.
"""

from __future__ import annotations

import sys

from fitsom_runner import boot, config


def main() -> None:
    """Carry out one run to its end."""
    settings = config.load(config.find())
    boot.start(settings)
    from fitsom_runner.execution.attempt import carry_out  # it needs the models, which need boot

    carry_out(settings, sys.argv[1])


if __name__ == "__main__":
    main()
