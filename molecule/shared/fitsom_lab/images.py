"""Build the images a lab wants, unless an image of the same recipe is there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .engine import IMAGE_LABEL, Engine
from .errors import LabError
from .locks import locked
from .recipe import INIT, Recipe, containerfile, mmdebstrap_command, recipe_for
from .settings import Settings
from .sources import machine_mirrors

UNSHARE_HINT = (
    "as a plain user mmdebstrap needs a line for you in /etc/subuid and in /etc/subgid,"
    " and the program newuidmap (Debian: apt-get install uidmap)"
)


def recipes(settings: Settings, names: Iterable[str]) -> list[Recipe]:
    mirrors = machine_mirrors(settings.mirror, settings.security_mirror)
    return [recipe_for(name, mirrors, settings.base) for name in sorted(set(names))]


def ensure(settings: Settings, engine: Engine, names: Iterable[str]) -> dict[str, str]:
    """The tag of each named image, built now where it is missing."""
    wanted = recipes(settings, names)
    missing = [recipe for recipe in wanted if not exists(engine, recipe)]
    with ThreadPoolExecutor(2) as pool:
        for generation in generations(missing):
            list(pool.map(lambda recipe: make(engine, recipe), generation))
    return {recipe.name: recipe.tag for recipe in wanted}


def make(engine: Engine, recipe: Recipe) -> None:
    """Build it if it is missing.

    Each image has a lock of its own: whoever wants two plain ones need not wait for another's seven.
    """
    if exists(engine, recipe):
        return
    with locked(shelf(), f"image-{recipe.digest}"):
        if not exists(engine, recipe):
            build(engine, recipe)


def shelf() -> Path:
    """Where images are waited for: they are this user's, whichever lab directory asks first."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "fitsom-lab"


def generations(missing: Iterable[Recipe]) -> tuple[list[Recipe], list[Recipe]]:
    """Images that stand alone, and those made upon them: in this order they can be built."""
    wanted = list(missing)
    alone = {recipe.tag: recipe for each in wanted for recipe in [each.parent or each]}
    return list(alone.values()), [recipe for recipe in wanted if recipe.parent]


def exists(engine: Engine, recipe: Recipe) -> bool:
    return bool(engine.run("images", "--quiet", recipe.tag))


def build(engine: Engine, recipe: Recipe) -> None:
    say(f"building image {recipe.name} ({recipe.codename}); this takes about a minute, once")
    if recipe.base or recipe.parent:
        build_from_base(engine, recipe)
    else:
        build_from_packages(engine, recipe)


def labels(recipe: Recipe) -> dict[str, str]:
    return {IMAGE_LABEL: "1", "fitsom.recipe": recipe.digest, "fitsom.name": recipe.name}


def build_from_packages(engine: Engine, recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory(prefix="fitsom-image-") as folder:
        tar = Path(folder) / "root.tar"
        try:
            with tar.open("wb") as output:
                done = subprocess.run(
                    mmdebstrap_command(recipe), stdout=output, stderr=subprocess.PIPE, check=False, text=True
                )
        except FileNotFoundError as error:
            raise LabError(
                "mmdebstrap is not installed",
                "run scripts/setup, or set FITSOM_LAB_BASE to an official image",
            ) from error
        if done.returncode:
            raise LabError(f"mmdebstrap could not build {recipe.name}:\n{done.stderr[-2000:]}", UNSHARE_HINT)
        changes = [f"CMD [{INIT!r}]".replace("'", '"'), "STOPSIGNAL SIGRTMIN+3"]
        changes += [f"LABEL {name}={value}" for name, value in labels(recipe).items()]
        arguments = [part for change in changes for part in ("--change", change)]
        engine.run("import", *arguments, str(tar), recipe.tag)


def build_from_base(engine: Engine, recipe: Recipe) -> None:
    arguments = [part for name, value in labels(recipe).items() for part in ("--label", f"{name}={value}")]
    with tempfile.TemporaryDirectory(prefix="fitsom-image-") as folder:
        file = Path(folder) / "Containerfile"
        file.write_text(containerfile(recipe), encoding="utf-8")
        engine.run("build", *arguments, "--tag", recipe.tag, "--file", str(file), folder)


def say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)
