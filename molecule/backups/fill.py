"""5,000 small files whose content follows from their number; with `check`, see that they are all as they were."""

import hashlib
import sys
from pathlib import Path

ODD = ["plain", "with space", "brackets [1]", "star *", "quote ' and \"", "ünïcödé", "-dash", "back\\slash"]


def text(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest() * (1 + number % 50)


def place(number: int) -> Path:
    return Path(f"/srv/homes/class {number % 40:02d}/{ODD[number % len(ODD)]} {number}.txt")


if sys.argv[1:] == ["check"]:
    there = {path for path in Path("/srv/homes").rglob("*.txt") if ".before-" not in str(path)}
    sys.exit(
        there != {place(n) for n in range(5000)} or any(place(n).read_text() != text(n) for n in range(5000))
    )
for number in range(5000):
    place(number).parent.mkdir(parents=True, exist_ok=True)
    place(number).write_text(text(number))
Path("/srv/homes/class 00/scratch.tmp").write_text("left out")
office = Path("/srv/office")
office.mkdir()
(office / "letters.txt").write_text("Dear parents")
