"""Start Django for one configuration. Imported lazily, so that `fitsom --help` stays quick."""

from __future__ import annotations

import os

from fitsom_runner import caller, migration
from fitsom_runner.config import Config
from fitsom_runner.errors import ConfigError, NotAllowedError


def start(config: Config, *, migrate: bool = False) -> None:
    """Connect to the records of `config`, brought up to date if they are older; with `migrate`, create them first."""
    from django.apps import apps
    from django.conf import settings

    os.environ["FITSOM_DATABASE"] = str(config.database)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsom_runner.settings")
    is_there = _require_owner(config)
    if not migrate and not is_there:
        raise ConfigError(f"{config.database}: no records yet", hint="Create them with: fitsom init")
    # As django.setup() does, without its URLs and its logging: neither serves a command line, and both take time.
    apps.populate(settings.INSTALLED_APPS)
    if migrate:
        config.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    migration.bring_up_to_date(config)
    if migrate:
        config.database.chmod(0o600)


def _require_owner(config: Config) -> bool:
    """Whether there are records. Raises NotAllowedError where they are another account's.

    Root could open them too, and leave files behind that their owner cannot write any more.
    """
    try:
        owner = config.database.stat().st_uid
    except FileNotFoundError:
        return False
    except PermissionError:
        owner = -1
    if owner == os.geteuid():
        return True
    name = "another account" if owner < 0 else f"the account {caller.name_of(owner)}"
    raise NotAllowedError(
        f"the records in {config.state} belong to {name}",
        hint="Leave out --config and FITSOM_CONFIG: fitsom then asks the service that owns them. "
        "Without a service only their owner can use them (root: runuser -u ACCOUNT -- fitsom ...).",
    )
