"""What left the machine shows that the log was written anew, or an old copy put in its place."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection, transaction

from fitsom_runner.audit import checkpoint, log, own_key
from fitsom_runner.audit.log import Actor
from fitsom_runner.audit.models import AuditEntry
from fitsom_runner.errors import ConfigError
from tests.unit.people.cast import Story

WHO = Actor(person="boucher", os_user="nb")


def add(subject: str) -> None:
    with transaction.atomic():
        log.append(WHO, "test", subject)


@pytest.fixture
def owner(story: Story) -> Story:
    """Whoever owns the database can take its triggers away."""
    with connection.cursor() as cursor:
        for trigger in ("audit_entry_no_update", "audit_entry_no_delete"):
            cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    return story


def issued(story: Story) -> str:
    add("one")
    return checkpoint.issue(story.config.school.name)


def test_it_is_a_signed_note_that_others_can_verify(story: Story) -> None:
    body, _, signatures = issued(story).partition("\n\n")
    origin, number, hash_, moment = body.split("\n")
    seq, head = log.head()
    assert (origin, number, base64.b64decode(hash_).hex()) == ("fitsom/Milton-High", str(seq), head)
    assert moment.startswith("time 2026-11-20T")
    dash, name, value = signatures.strip().split(" ")
    assert (dash, name) == ("\u2014", origin)
    (entry,) = log.entries(action=checkpoint.KEY_ENTRY)
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(entry.detail["key"]))
    public.verify(base64.b64decode(value)[4:], f"{body}\n".encode())


def test_it_stays_true_while_the_log_grows(story: Story) -> None:
    text = issued(story)
    add("two")
    assert checkpoint.faults_since(checkpoint.read(text)) == []
    assert len(log.entries(action=checkpoint.KEY_ENTRY)) == 1


def test_it_is_found_in_whatever_it_was_printed(story: Story) -> None:
    text = issued(story)
    for around in (
        f"<pre>{text}</pre>",
        f"```\n{text}```",
        text.replace("\n", "\r\n"),
        repr(text),
        text + text,
    ):
        assert checkpoint.read(around) == checkpoint.read(text)


def test_an_old_copy_in_its_place_is_found(owner: Story) -> None:
    issued(owner)
    add("two")
    text = checkpoint.issue(owner.config.school.name)
    AuditEntry.objects.filter(seq=log.head()[0]).delete()
    (fault,) = checkpoint.faults_since(checkpoint.read(text))
    assert "an older copy was put in its place" in fault


def test_a_log_that_was_written_anew_is_found(owner: Story) -> None:
    text = issued(owner)
    seq, _head = log.head()
    AuditEntry.objects.filter(seq=seq).update(hash="0" * 64)
    (fault,) = checkpoint.faults_since(checkpoint.read(text))
    assert "the log was written anew" in fault


def test_a_log_without_its_key_is_another(owner: Story) -> None:
    text = issued(owner)
    AuditEntry.objects.filter(action=checkpoint.KEY_ENTRY).delete()
    (fault,) = checkpoint.faults_since(checkpoint.read(text))
    assert "does not know" in fault


@pytest.mark.parametrize("part", ["\n2\n", "time 2026"])
def test_one_that_was_altered_is_refused(story: Story, part: str) -> None:
    text = issued(story)
    assert part in text
    with pytest.raises(ConfigError, match="was altered"):
        checkpoint.faults_since(checkpoint.read(text.replace(part, part.replace("2", "1", 1))))


@pytest.mark.parametrize("text", ["", "no note", "fitsom/x\n1\n"])
def test_a_text_without_one_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected one checkpoint"):
        checkpoint.read(text)


def test_two_different_ones_are_refused(story: Story) -> None:
    first = issued(story)
    add("two")
    with pytest.raises(ConfigError, match="found 2"):
        checkpoint.read(first + checkpoint.issue(story.config.school.name))


def test_the_key_is_kept_beside_the_records(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "anchor_path", lambda: tmp_path / "audit.anchor")
    text = issued(story)
    path = tmp_path / own_key.KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    add("two")
    assert checkpoint.read(checkpoint.issue("Milton High")).key_id == checkpoint.read(text).key_id
    assert [each.name for each in tmp_path.iterdir() if "key" in each.name] == [own_key.KEY_FILE]
    path.write_text("nonsense")
    with pytest.raises(ConfigError, match="is no key of fitsom's"):
        checkpoint.issue("Milton High")


def test_a_digest_by_the_key_tells_nothing_of_the_text(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = own_key.keyed_digest("1234")
    assert first == own_key.keyed_digest("1234") != own_key.keyed_digest("1235")
    monkeypatch.setattr(log, "anchor_path", lambda: tmp_path / "audit.anchor")
    assert own_key.keyed_digest("1234") != first
