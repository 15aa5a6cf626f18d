"""The run as a picture: a row of bars for each host or, for many hosts, how busy each ring was.

Inline SVG without scripts or style attributes; its classes are coloured by the page. Signs and hatching
distinguish failed from changed without colour. The hosts table beside it carries the same times as text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup, escape

from fitsom_runner.reports.facts import Facts, HostFacts, gather
from fitsom_runner.reports.kinds import TaskStatus
from fitsom_runner.reports.labels import label
from fitsom_runner.reports.model import Report, Task
from fitsom_runner.reports.text import clean, count
from fitsom_runner.reports.times import clock, duration

WIDTH, MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP = 860, 150, 14, 26
ROW_HEIGHT, BAR_HEIGHT, RING_HEIGHT = 26, 14, 64
BINS = 150
PLOT = WIDTH - MARGIN_LEFT - MARGIN_RIGHT
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_FAILURES = {TaskStatus.FAILED, TaskStatus.UNREACHABLE}
_UNCHANGED = {TaskStatus.OK, TaskStatus.SKIPPED, TaskStatus.IGNORED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """Neighbouring tasks of one kind, drawn as one: seconds since the run started."""

    start: float
    end: float
    kind: str
    names: tuple[str, ...]


def timeline(report: Report, facts: Facts | None = None) -> Markup:
    """The picture, or nothing when there is no run or no task with a time."""
    facts = facts or gather(report)
    busy = [host for host in facts.hosts if host.end is not None]
    if report.run is None or not busy:
        return Markup("")
    length = max(max(host.end or 0.0 for host in busy), 1.0)
    body, height = _rings(busy, length) if facts.is_large else _hosts(facts.hosts, length)
    title = f"{count(len(busy), 'host')} at work for {duration(length)}, from {_clock(report, 0)}"
    return Markup(
        '<svg class="timeline" viewBox="0 0 {w} {h}" role="img" aria-labelledby="tl-title" '
        'preserveAspectRatio="xMinYMin meet"><title id="tl-title">{t}</title>{defs}{axis}{body}</svg>'
    ).format(w=WIDTH, h=height + 8, t=title, defs=_DEFS, axis=_axis(report, length, height), body=body)


_DEFS = Markup(
    '<defs><pattern id="tl-hatch" width="5" height="5" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="5" height="5" class="tl-bad"/>'
    '<rect width="1.6" height="5" class="tl-paper"/></pattern></defs>'
)


def _join(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _x(seconds: float, length: float) -> float:
    return round(MARGIN_LEFT + PLOT * min(max(seconds / length, 0.0), 1.0), 1)


def _clock(report: Report, offset: float) -> str:
    if report.run is None:
        return ""
    return clock(report.run.started + timedelta(seconds=offset), report.shown_zone, seconds=True)


def _axis(report: Report, length: float, height: int) -> Markup:
    step = next((step for step in _STEPS if length / step <= 7), 86400 * (1 + int(length / 86400 / 7)))
    marks = []
    for at in range(0, int(length) + 1, step):
        x = _x(at, length)
        anchor = "end" if x > WIDTH - 40 else "start" if at == 0 else "middle"
        marks.append(
            Markup(
                '<line class="tl-grid" x1="{x}" x2="{x}" y1="{y}" y2="{h}"/>'
                '<text class="tl-tick" x="{x}" y="14" text-anchor="{a}">{t}</text>'
            ).format(x=x, y=MARGIN_TOP - 6, h=height, a=anchor, t=_clock(report, at))
        )
    return _join(marks)


def _kind(status: TaskStatus) -> str:
    if status in _FAILURES:
        return "bad"
    return "ok" if status in _UNCHANGED else "reboot" if status is TaskStatus.REBOOTED else "changed"


def bars(tasks: Sequence[Task], slack: float) -> list[Bar]:
    """Tasks as bars: neighbours of one kind at most slack seconds apart become one."""
    merged_bars: list[Bar] = []
    for task in sorted(tasks, key=lambda task: task.start):
        kind, end = _kind(task.status), task.start + task.seconds
        previous = merged_bars[-1] if merged_bars else None
        if previous and previous.kind == kind and task.start - previous.end <= slack:
            merged_bars[-1] = Bar(
                start=previous.start,
                end=max(end, previous.end),
                kind=kind,
                names=(*previous.names, task.name),
            )
        else:
            merged_bars.append(Bar(start=task.start, end=end, kind=kind, names=(task.name,)))
    return merged_bars


def _hosts(hosts: Sequence[HostFacts], length: float) -> tuple[Markup, int]:
    rows = [_host(host, MARGIN_TOP + index * ROW_HEIGHT, length) for index, host in enumerate(hosts)]
    return _join(rows), MARGIN_TOP + len(hosts) * ROW_HEIGHT


def _host(facts: HostFacts, y: int, length: float) -> Markup:
    picture = _join(_bar(bar, y, length) for bar in bars(facts.host.tasks, length / PLOT))
    if facts.end is None:
        picture = Markup('<text class="tl-tick" x="{x}" y="{y}">no task ran ({r})</text>').format(
            x=MARGIN_LEFT + 4, y=y + 16, r=label(facts.host.result) if facts.host.result else "not run"
        )
    return _name(facts.host.name, y + 16) + picture


def _name(name: str, y: int) -> Markup:
    text = clean(name)
    shortened = text if len(text) <= 20 else text[:19] + "\u2026"
    return Markup(
        '<text class="tl-name" x="{x}" y="{y}" text-anchor="end"><title>{t}</title>{s}</text>'
    ).format(x=MARGIN_LEFT - 10, y=y, t=text, s=shortened)


def _bar(bar: Bar, y: int, length: float) -> Markup:
    x, end = _x(bar.start, length), _x(bar.end, length)
    width = round(max(end - x, 1.5 if bar.kind == "ok" else 3), 1)
    names = bar.names if len(bar.names) <= 4 else (*bar.names[:3], f"{len(bar.names) - 3} more")
    title = f"{_BAR_TITLES[bar.kind]}, {duration(bar.end - bar.start)}: {clean('; '.join(names))}"
    inset = 4 if bar.kind == "ok" else 0
    rect = Markup(
        '<rect class="tl-{k}" x="{x}" y="{y}" width="{w}" height="{h}" rx="1.5"><title>{t}</title></rect>'
    )
    sign = Markup('<text class="tl-sign tl-sign-{k}" x="{x}" y="{y}" text-anchor="middle">{s}</text>')
    shape = rect.format(k=bar.kind, x=x, y=y + 4 + inset, w=width, h=BAR_HEIGHT - 2 * inset, t=title)
    if bar.kind == "bad":
        return shape + sign.format(k="bad", x=min(end + 7, WIDTH - 6), y=y + 16, s="\u2715")
    if bar.kind == "reboot" and width > 12:
        return shape + sign.format(k="reboot", x=round(x + width / 2, 1), y=y + 15.5, s="\u21bb")
    return shape


_BAR_TITLES = {"ok": "Read or already right", "changed": "Changed", "reboot": "Restarted", "bad": "Failed"}


def _rings(hosts: Sequence[HostFacts], length: float) -> tuple[Markup, int]:
    rings: dict[str, list[HostFacts]] = {}
    for host in hosts:
        rings.setdefault(host.host.ring or "all hosts", []).append(host)
    pictures = [
        _ring(name, members, MARGIN_TOP + i * RING_HEIGHT, length)
        for i, (name, members) in enumerate(rings.items())
    ]
    return _join(pictures), MARGIN_TOP + len(rings) * RING_HEIGHT


def load(hosts: Sequence[HostFacts], length: float, bins: int = BINS) -> list[int]:
    """How many of the hosts were at work in each of that many equal parts of the run."""
    steps = [0] * (bins + 1)
    for host in hosts:
        if host.start is not None and host.end is not None:
            steps[min(int(host.start / length * bins), bins - 1)] += 1
            steps[min(int(host.end / length * bins), bins - 1) + 1] -= 1
    busy, total = [], 0
    for step in steps[:bins]:
        total += step
        busy.append(total)
    return busy


def _ring(name: str, hosts: Sequence[HostFacts], y: int, length: float) -> Markup:
    busy = load(hosts, length)
    top, floor, high = max(busy), y + 50, 38
    points = [f"{MARGIN_LEFT},{floor}"]
    for index, value in enumerate(busy):
        level = round(floor - high * value / top, 1)
        points += [f"{round(MARGIN_LEFT + PLOT * at / BINS, 1)},{level}" for at in (index, index + 1)]
    failures = sorted({_x(t.start, length) for h in hosts for t in h.tasks if t.status in _FAILURES})
    signs = _join(
        Markup('<text class="tl-sign tl-sign-bad" x="{x}" y="{y}" text-anchor="middle">\u2715</text>').format(
            x=x, y=floor + 11
        )
        for x in failures
    )
    title = f"{name}: {count(len(hosts), 'host')}, at most {top:,} at work at once"
    area = Markup('<polygon class="tl-area" points="{p} {e},{f}"><title>{t}</title></polygon>').format(
        p=escape(" ".join(points)), e=MARGIN_LEFT + PLOT, f=floor, t=clean(title)
    )
    caption = Markup('<text class="tl-tick" x="{x}" y="{y}" text-anchor="end">{a}, peak {t}</text>').format(
        x=MARGIN_LEFT - 10, y=y + 44, a=count(len(hosts), "host"), t=f"{top:,}"
    )
    return _name(name, y + 28) + caption + area + signs
