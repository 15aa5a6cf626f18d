"""Start Django for one configuration. Imported lazily, so that `fitsom --help` stays quick."""

from __future__ import annotations

import os

from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError


def start(config: Config, *, migrate: bool = False) -> None:
    """Connect to the records of `config`; with `migrate`, create or upgrade them first."""
    import django
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    os.environ["FITSOM_DATABASE"] = str(config.database)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsom_runner.settings")
    if not migrate and not config.database.exists():
        raise ConfigError(f"{config.database}: no records yet", hint="Create them with: fitsom init")
    django.setup()
    if migrate:
        config.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        call_command("migrate", verbosity=0)
        config.database.chmod(0o600)
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise ConfigError(
            "the records were made by another version of fitsom", hint="Upgrade them with: fitsom init"
        )
