"""Django's settings. boot.start() names the database in the environment, before Django loads."""

from __future__ import annotations

import os

SECRET_KEY = "no web yet: nothing is signed with this"  # noqa: S105 - see the text
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "fitsom_runner.audit",
    "fitsom_runner.people",
    "fitsom_runner.changes",
    "fitsom_runner.execution",
    "fitsom_runner.schedule",
    "fitsom_runner.processes",
    "fitsom_runner.reports",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("FITSOM_DATABASE", ":memory:"),
        "OPTIONS": {
            # A writer takes its lock at the start: two runners then queue instead of failing half way.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        },
    }
}
