"""Keys are enrolled by two people, and count as the audit log says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from fitsom_runner.audit import log
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.changes import service
from fitsom_runner.changes.models import Approval, Change
from fitsom_runner.changes.signatures import require_signatures
from fitsom_runner.config import Config, Rule, SignatureRules
from fitsom_runner.errors import IntegrityError, NotAllowedError, NotFoundError, RefusedError
from fitsom_runner.people import keys, powers
from fitsom_runner.people.models import EnrolledKey
from fitsom_runner.people.powers import Identity
from fitsom_runner.roles import Power
from tests.ssh_keys import fingerprint_of, make_key
from tests.unit.people.cast import HEAD, MANAGER, OUTSIDER, SUPPLIER, TECHNICIAN, Story


@dataclass(frozen=True, kw_only=True)
class Ring:
    """Key files by name."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

    def public(self, name: str) -> Path:
        return self.folder / f"{name}.pub"

    def fingerprint(self, name: str) -> str:
        return fingerprint_of(self.folder / name)

    def enrol(
        self, story: Story, identity: Identity = HEAD, name: str = "hale", witness: Identity = MANAGER
    ) -> str:
        """A key that is enrolled and confirmed; its fingerprint."""
        fingerprint = keys.enrol(identity, self.public(name)).fingerprint
        keys.confirm(story.config, witness, fingerprint)
        return fingerprint


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Ring:
    folder = tmp_path_factory.mktemp("ring")
    for name in ("hale", "boucher", "spare"):
        make_key(folder / name)
    return Ring(folder=folder)


def required(story: Story) -> Config:
    """The story's configuration, where every approval must be signed."""
    names = ("standard", "minor", "major", "emergency")
    return story.config.model_copy(
        update={"signatures": SignatureRules(**dict.fromkeys(names, Rule.REQUIRED))}
    )


def test_a_key_counts_once_a_second_person_has_confirmed_it(story: Story, ring: Ring) -> None:
    enrolled = keys.enrol(HEAD, ring.public("hale"))
    assert keys.usable("hale") == []
    with pytest.raises(RefusedError, match="was not confirmed by a second person yet"):
        keys.require_usable(HEAD, ring["hale"])
    keys.confirm(story.config, MANAGER, enrolled.fingerprint)
    assert keys.require_usable(HEAD, ring["hale"]).fingerprint == ring.fingerprint("hale")
    assert [key.witness for key in keys.usable("hale")] == ["boucher"]


def test_the_log_holds_the_whole_key_and_both_people(story: Story, ring: Ring) -> None:
    fingerprint = ring.enrol(story)
    keys.revoke(HEAD, fingerprint, reason="lost")
    entries = log.entries(subject=fingerprint)
    assert [(e.action, e.actor) for e in entries] == [
        ("key.enrolled", "hale"),
        ("key.confirmed", "boucher"),
        ("key.revoked", "hale"),
    ]
    assert entries[0].detail["key"] == " ".join(ring.public("hale").read_text().split()[:2])
    assert list(keys.faults()) == []


def test_nobody_confirms_their_own_key(story: Story, ring: Ring) -> None:
    enrolled = keys.enrol(MANAGER, ring.public("boucher"))
    with pytest.raises(NotAllowedError, match="nobody confirms their own key"):
        keys.confirm(story.config, MANAGER, enrolled.fingerprint)


@pytest.mark.parametrize("identity", [TECHNICIAN, SUPPLIER, OUTSIDER], ids=lambda i: i.person.id)
def test_who_does_not_approve_confirms_and_revokes_no_key(
    story: Story, ring: Ring, identity: Identity
) -> None:
    enrolled = keys.enrol(HEAD, ring.public("hale"))
    powers.delegate(story.config, HEAD, identity.person.id, Power.APPROVE_IMPLEMENT, days=7, reason="holiday")
    with pytest.raises(NotAllowedError):
        keys.confirm(story.config, identity, enrolled.fingerprint)
    with pytest.raises(NotAllowedError):
        keys.revoke(identity, enrolled.fingerprint, reason="x")
    assert keys.usable("hale") == []


def test_a_key_is_enrolled_and_confirmed_once(story: Story, ring: Ring) -> None:
    fingerprint = ring.enrol(story)
    for identity in (HEAD, MANAGER):
        with pytest.raises(RefusedError, match="was enrolled before"):
            keys.enrol(identity, ring.public("hale"))
    with pytest.raises(RefusedError, match="does not wait to be confirmed"):
        keys.confirm(story.config, MANAGER, fingerprint)


def test_a_revoked_key_does_not_come_back(story: Story, ring: Ring) -> None:
    fingerprint = ring.enrol(story)
    keys.revoke(MANAGER, fingerprint, reason="left")
    with pytest.raises(RefusedError, match="is revoked already"):
        keys.revoke(MANAGER, fingerprint, reason="left")
    with pytest.raises(RefusedError, match="does not wait"):
        keys.confirm(story.config, MANAGER, fingerprint)
    EnrolledKey.objects.all().delete()  # the table is not what counts
    ring.enrol(story)
    with pytest.raises(RefusedError, match="is revoked"):
        keys.require_usable(HEAD, ring["hale"])
    assert "is not what the log says of it" in "".join(keys.faults())


def test_an_unknown_fingerprint_is_named(story: Story) -> None:
    with pytest.raises(NotFoundError, match="no key 'SHA256:x' is enrolled"):
        keys.confirm(story.config, MANAGER, "SHA256:x")


def test_a_key_of_somebody_who_left_is_not_confirmed(story: Story, ring: Ring) -> None:
    enrolled = keys.enrol(SUPPLIER, ring.public("spare"))
    people = tuple(p for p in story.config.people if p.id != "dixon")
    with pytest.raises(NotFoundError, match="no person 'dixon'"):
        keys.confirm(story.config.model_copy(update={"people": people}), MANAGER, enrolled.fingerprint)


# -- approving with a key -------------------------------------------------------------------------------------


def test_a_signed_approval_runs(story: Story, ring: Ring) -> None:
    fingerprint = ring.enrol(story)
    change = story.planned()
    approval = service.approve(required(story), HEAD, change, comment="Go on", key=ring["hale"])
    assert (approval.method, approval.key) == ("ssh", fingerprint)
    assert approval.signature.startswith("-----BEGIN SSH SIGNATURE-----")
    change = service.get(change.number)
    assert require_signatures(required(story), change) == change.plan


@pytest.mark.parametrize("kind", ["minor", "major", "emergency"])
def test_where_it_must_be_signed_nothing_is_approved_without_a_key(story: Story, kind: str) -> None:
    change = story.submitted("major") if kind == "major" else story.planned(kind)
    with pytest.raises(RefusedError, match=f"an approval of a {kind} change must be signed") as refused:
        service.approve(required(story), HEAD, change)
    assert "fitsom key enrol" in refused.value.hint
    assert not Approval.objects.exists()


def test_the_hint_names_the_key_that_can_sign(story: Story, ring: Ring) -> None:
    fingerprint = ring.enrol(story)
    with pytest.raises(RefusedError) as refused:
        service.approve(required(story), HEAD, story.planned())
    assert fingerprint in refused.value.hint


def test_a_rejection_needs_no_key_and_may_have_one(story: Story, ring: Ring) -> None:
    fingerprint = ring.enrol(story)
    service.reject(required(story), HEAD, story.planned(), comment="No")
    service.reject(required(story), HEAD, story.planned(), comment="No", key=ring["hale"])
    assert [a.key for a in Approval.objects.all()] == ["", fingerprint]


@pytest.mark.parametrize(
    ("name", "words"), [("boucher", "is a key of boucher, not of hale"), ("spare", "is not enrolled")]
)
def test_only_an_enrolled_key_of_ones_own_signs(story: Story, ring: Ring, name: str, words: str) -> None:
    ring.enrol(story)
    ring.enrol(story, MANAGER, "boucher", HEAD)
    with pytest.raises(RefusedError, match=words):
        service.approve(story.config, HEAD, story.planned(), key=ring[name])
    assert not Approval.objects.exists()


def test_a_public_half_that_belongs_to_another_key_is_noticed(
    story: Story, ring: Ring, tmp_path: Path
) -> None:
    """The file says one key, and another signs."""
    ring.enrol(story)
    (tmp_path / "key").write_bytes(ring["spare"].read_bytes())
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "key.pub").write_bytes(ring.public("hale").read_bytes())
    with pytest.raises(RefusedError):
        service.approve(story.config, HEAD, story.planned(), key=tmp_path / "key.pub")
    assert not Approval.objects.exists()


def test_a_key_from_the_environment_may_begin_with_a_tilde(
    story: Story, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = ring.enrol(story)
    monkeypatch.setenv("HOME", str(ring.folder))
    assert service.approve(story.config, HEAD, story.planned(), key=Path("~/hale")).key == fingerprint


def approved(story: Story, ring: Ring) -> Change:
    """A change whose approval is signed."""
    ring.enrol(story)
    change = story.planned()
    service.approve(story.config, HEAD, change, key=ring["hale"])
    return service.get(change.number)


def test_what_was_signed_before_a_key_was_revoked_still_counts(story: Story, ring: Ring) -> None:
    change = approved(story, ring)
    keys.revoke(HEAD, ring.fingerprint("hale"), reason="a new one")
    assert require_signatures(required(story), change) == change.plan


def test_what_was_signed_after_a_key_was_revoked_does_not(story: Story, ring: Ring) -> None:
    """By the order of the log, whatever time the approval claims."""
    change = approved(story, ring)
    approval = Approval.objects.get()
    (entry,) = AuditEntry.objects.filter(action="change.approve_implement")
    keys.revoke(HEAD, ring.fingerprint("hale"), reason="stolen")
    words = {"method": "ssh", "fingerprint": approval.key, "signature": approval.signature, "person": "hale"}
    text = b""
    assert "was revoked before" in keys.fault_of_signature(**words, text=text, seq=entry.seq + 100)
    assert "was not enrolled and confirmed" in keys.fault_of_signature(**words, text=text, seq=1)
    other = keys.fault_of_signature(**{**words, "person": "boucher"}, text=text, seq=entry.seq)
    assert "is the key of hale" in other
    assert require_signatures(story.config, change)


def test_an_optional_signature_must_hold_all_the_same(story: Story, ring: Ring) -> None:
    change = approved(story, ring)
    approval = Approval.objects.get()
    Approval.objects.update(signature=approval.signature.replace("A", "B"))
    with pytest.raises(IntegrityError) as refused:
        require_signatures(story.config, change)
    assert "does not hold" in "".join(refused.value.details)
