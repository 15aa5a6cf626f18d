"""The commands of lab.py."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from . import fixture, images, labs
from .engine import Engine
from .errors import LabError
from .recipe import RELEASES
from .settings import Settings, from_environment
from .spec import load

Command = Callable[[Settings, argparse.Namespace], int]


def up(settings: Settings, arguments: argparse.Namespace) -> int:
    lab = labs.Lab(settings, arguments.name)
    lab.up(load(arguments.spec))
    print(lab.folder)
    return 0


def down(settings: Settings, arguments: argparse.Namespace) -> int:
    if not (arguments.name or arguments.all or arguments.images):
        raise LabError("say which lab, or --all, or --images")
    if arguments.all:
        removed = labs.down_all(settings, everywhere=arguments.everywhere)
    else:
        removed = labs.Lab(settings, arguments.name).down() if arguments.name else []
    kept: list[str] = []
    if arguments.images:
        free, kept = labs.remove_images(settings)
        removed += free
    print("\n".join(f"removed {item}" for item in removed) or "nothing to remove")
    print("".join(f"left {item}: another lab's hosts run on it\n" for item in kept), end="")
    return 0


def status(settings: Settings, arguments: argparse.Namespace) -> int:
    wanted = [arguments.name] if arguments.name else labs.names(settings)
    found = [labs.Lab(settings, name) for name in wanted]
    if arguments.json:
        data = [{"lab": lab.name, "folder": str(lab.folder), "hosts": lab.hosts()} for lab in found]
        print(json.dumps(data, indent=2))
        return 0
    for lab in found:
        print(f"{lab.name}  {lab.folder}")
        for host in lab.hosts():
            where = f"{host['address']}:{host['port']}" if host["address"] else "-"
            print(f"  {host['host']:<12} {host['state']:<10} {where:<22} {host['image']}")
    return 0


def show_images(settings: Settings, arguments: argparse.Namespace) -> int:
    engine = Engine(settings)
    every = {f"{release}{variant}" for release in RELEASES for variant in ("", "-outdated")}
    names = load(arguments.spec).images if arguments.spec else every
    if arguments.build:
        images.ensure(settings, engine, names)
    for recipe in images.recipes(settings, names):
        print(f"{recipe.tag}  {'built' if images.exists(engine, recipe) else 'missing'}")
    return 0


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    lab = labs.Lab(settings, arguments.name)
    command = [part for part in arguments.command if part != "--"] or ["bash"]
    terminal = ["--interactive", "--tty"] if sys.stdin.isatty() else []
    return lab.engine.call("exec", *terminal, lab.container(arguments.host), *command)


def kill(settings: Settings, arguments: argparse.Namespace) -> int:
    labs.Lab(settings, arguments.name).kill(arguments.host)
    return 0


def start(settings: Settings, arguments: argparse.Namespace) -> int:
    labs.Lab(settings, arguments.name).start(arguments.host)
    return 0


def fixtures(settings: Settings, arguments: argparse.Namespace) -> int:
    lab = labs.Lab(settings, arguments.name)
    action = fixture.publish if arguments.action == "publish" else fixture.install
    action(lab, arguments.host, fixture.parse_pairs(arguments.versions))
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="lab.py", description="A school's servers as containers")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Command, about: str, *positional: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(run=run)
        for each in positional:
            made.add_argument(each)
        return made

    made = command("up", up, "build what is missing, start the hosts, wait until ssh answers", "name")
    made.add_argument("--spec", type=Path, required=True)
    made = command("down", down, "remove a lab: containers, network, volumes, folder")
    made.add_argument("name", nargs="?")
    made.add_argument("--all", action="store_true", help="every lab of this lab directory")
    made.add_argument("--everywhere", action="store_true", help="with --all: also labs of other checkouts")
    made.add_argument("--images", action="store_true", help="also the cached images")
    made = command("status", status, "show labs and their hosts")
    made.add_argument("name", nargs="?")
    made.add_argument("--json", action="store_true")
    made = command("images", show_images, "show the images, or build them")
    made.add_argument("--spec", type=Path)
    made.add_argument("--build", action="store_true")
    made = command("exec", execute, "run a command as root in a host", "name", "host")
    made.add_argument("command", nargs=argparse.REMAINDER)
    command("kill", kill, "cut a host's power", "name", "host")
    command("start", start, "start a host again, and wait for it", "name", "host")
    made = command("fixture", fixtures, "publish or install our own small packages", "name", "host")
    made.add_argument("action", choices=["publish", "install"])
    made.add_argument("versions", nargs="*", metavar="NAME=VERSION")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        run: Command = arguments.run
        return run(from_environment(), arguments)
    except LabError as error:
        print(f"lab: error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"lab: hint: {error.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: stopped; `lab.py down` removes what was started", file=sys.stderr)
        return 130
