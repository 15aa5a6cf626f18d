"""The people, the change, its signatures and its seal, in the small fictional school of the samples."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fitsom_runner.changes.states import BackOutClass, ChangeType, State
from fitsom_runner.reports.kinds import ApprovalKind, Decision, LinkKind
from fitsom_runner.reports.rfc import (
    Approval,
    Change,
    Item,
    Link,
    Person,
    Seal,
    SealComponent,
    Step,
    Window,
)

HEAD = Person(name="Margaret Hale", role="Head teacher")
DEPUTY = Person(name="John Thornton", role="Deputy head")
PEER = Person(name="Bessy Higgins", role="Technician, Milton Trust")
MANAGER = Person(name="Nicholas Boucher", role="Network manager")
START = datetime(2026, 11, 6, 18, 0, tzinfo=UTC)
HASH = "9f3a41c07be25d8816f0a2c4e7b9d3358a61c0f4e2d7b8a9135c6e0f7d24ba81"


def window(start: datetime = START, hours: float = 1, zone: str = "Europe/London") -> Window:
    return Window(start=start, end=start + timedelta(hours=hours), zone=zone)


def change(state: State = State.SUCCEEDED, kind: ChangeType = ChangeType.MAJOR) -> Change:
    return Change(
        number="CHG-2026-0001",
        version=2,
        title="November security updates for the servers",
        type=kind,
        state=state,
        item=Item(name="File and web server", location="B block, server cupboard", asset_tag="MG-0412"),
        change="Install the outstanding security updates of Debian, exactly the versions of the plan.",
        reason="Two of the updates close holes rated critical.",
        effect_of_not_changing="The servers stay open to known attacks, beyond the 14 days that we allow.",
        steps=(
            Step(text="Check that last night's backups succeeded", test="The backup report is green"),
            Step(text="Save the packages that are installed now", test="Every old version is on the disk"),
            Step(text="Install the updates; restart what needs it", test="Versions are as planned"),
            Step(text="Log in, open a file, review the error logs", test="Nothing new in the logs"),
        ),
        impact="All users, up to one hour without shared files and the intranet.",
        risk="Low. At worst the file server is rebuilt, 6 hours.",
        risk_evidence="The same updates have run on the pilot server since Tuesday without an error.",
        backout="Take the packages back to the saved versions, about 10 minutes.",
        backout_class=BackOutClass.REVERSIBLE,
        window=window(),
        requester=MANAGER,
        implementer=MANAGER,
        links=(
            Link(kind=LinkKind.PROBLEM, ref="PRB-2026-0007", title="Slow printing after updates"),
            Link(kind=LinkKind.CI, ref="CI-0412", title="files1"),
        ),
        playbook="playbooks/patch.yml",
        limit="servers",
    )


def approvals() -> tuple[Approval, ...]:
    proceed = Approval(
        kind=ApprovalKind.PROCEED,
        person=HEAD,
        decision=Decision.APPROVED,
        when=START - timedelta(days=4, hours=8),
        recorded_by="mhale",
        comment="Please keep clear of the parents' evening.",
        version=1,
    )
    peer = replace(
        proceed,
        kind=ApprovalKind.PEER_REVIEW,
        person=PEER,
        recorded_by="bhiggins",
        when=START - timedelta(days=2, hours=3),
        comment="Plan read; the kernel needs the restart.",
        seal=HASH,
        version=2,
    )
    implement = replace(
        peer,
        kind=ApprovalKind.IMPLEMENT,
        person=DEPUTY,
        on_behalf_of=HEAD,
        recorded_by="jthornton",
        when=START - timedelta(days=1, hours=2, minutes=20),
        comment="",
    )
    return proceed, peer, implement


def seal() -> Seal:
    parts = {
        "commit": "95cb6db0c2d7",
        "playbooks/": "tree 41b2c0aa19de",
        "roles/": "tree 8c1f77be5d02",
        "plugins/": "tree e0d93a6642b1",
        "ansible-core": "2.21.2",
        "hosts": "2 hosts, sha256 77aa01b9",
        "packages": "19 versions, sha256 c40e21f3",
        "window": "2026-11-06T18:00Z/2026-11-06T19:00Z",
    }
    return Seal(
        sha256=HASH,
        components=tuple(SealComponent(name=name, value=value) for name, value in parts.items()),
        verify=("fitsom change show CHG-2026-0001 --json", "fitsom audit verify"),
    )
