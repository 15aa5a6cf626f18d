#!/usr/bin/env python3
"""Write the table of variables into each role's README from its meta/argument_specs.yml.

Without an argument all READMEs are written; with --check nothing is, and a README that differs fails.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- variables: begin (written by scripts/role_docs.py) -->"
END = "<!-- variables: end -->"


def table(options: dict[str, Any], defaults: dict[str, Any]) -> str:
    rows = ["| variable | kind | default | meaning |", "| --- | --- | --- | --- |"]
    for name, option in options.items():
        kind = f"list of {option['elements']}" if option["type"] == "list" else option["type"]
        if option.get("choices"):
            kind = " or ".join(f"`{choice}`" for choice in option["choices"])
        meaning = " ".join(str(option["description"]).split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {kind} | {shown(option, defaults.get(name))} | {meaning} |")
    return "\n".join(rows)


def shown(option: dict[str, Any], value: Any) -> str:
    if "default" not in option or (isinstance(value, str) and "{{" in value and option["default"] == ""):
        return "see the text"
    default = option["default"]
    text = str(default).lower() if isinstance(default, bool) else " ".join(str(default).split())
    return f"`{text}`" if text else "empty"


def rendered(role: Path) -> str:
    spec = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text())
    before, _, rest = (role / "README.md").read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(spec['options'], defaults)}\n{END}{after}"


def roles() -> list[Path]:
    return sorted(path.parent for path in (ROOT / "roles").glob("*/README.md") if BEGIN in path.read_text())


def main(arguments: list[str]) -> int:
    stale = [role for role in roles() if rendered(role) != (role / "README.md").read_text()]
    for role in stale:
        if "--check" in arguments:
            print(
                f"{role.relative_to(ROOT)}/README.md is out of date: run scripts/role_docs.py",
                file=sys.stderr,
            )
        else:
            (role / "README.md").write_text(rendered(role))
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
