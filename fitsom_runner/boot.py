"""Start Django for one configuration. Imported lazily, so that `fitsom --help` stays quick."""

from __future__ import annotations

import os
from pathlib import Path

from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError


def start(config: Config, *, migrate: bool = False) -> None:
    """Connect to the records of `config`; with `migrate`, create or upgrade them first."""
    from django.apps import apps
    from django.conf import settings

    os.environ["FITSOM_DATABASE"] = str(config.database)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsom_runner.settings")
    if not migrate and not config.database.exists():
        raise ConfigError(f"{config.database}: no records yet", hint="Create them with: fitsom init")
    # As django.setup() does, without its URLs and its logging: neither serves a command line, and both take time.
    apps.populate(settings.INSTALLED_APPS)
    if migrate:
        config.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        config.database.chmod(0o600)
        return
    if _migrations() - _applied():
        raise ConfigError(
            "the records were made by another version of fitsom", hint="Upgrade them with: fitsom init"
        )


def _migrations() -> set[tuple[str, str]]:
    """(app, migration) of this version, by the names of the files: to load them takes Django a quarter of a second."""
    from django.apps import apps

    return {
        (app.label, path.stem)
        for app in apps.get_app_configs()
        for path in (Path(app.path) / "migrations").glob("[0-9]*.py")
    }


def _applied() -> set[tuple[str, str]]:
    """(app, migration) of the records."""
    from django.db import connection

    with connection.cursor() as cursor:
        if "django_migrations" not in connection.introspection.table_names(cursor):
            return set()
        cursor.execute("SELECT app, name FROM django_migrations")
        return {(app, name) for app, name in cursor.fetchall()}
