"""What fitsom.yml says is in the log whenever it differs, with a sentence for each difference."""

from fitsom_runner.audit import log
from fitsom_runner.config import Config, EngineName, Person
from fitsom_runner.people import settings_log
from fitsom_runner.roles import Power, Role
from tests.unit.people.cast import Story


def with_people(config: Config, *people: Person) -> Config:
    return config.model_copy(update={"people": people})


def last_changes() -> list[str]:
    entry = log.latest(settings_log.ACTION)
    assert entry is not None
    changes: list[str] = entry.detail["changes"]
    return changes


def test_the_same_settings_are_noted_once(story: Story) -> None:
    for _ in range(3):
        settings_log.note(story.config)
    assert len(log.entries(action=settings_log.ACTION)) == 1
    assert last_changes() == []


def test_each_difference_is_a_sentence(story: Story) -> None:
    anna = Person(id="anna", name="Anna", role=Role.TECHNICIAN)
    ben = Person(id="ben", name="Ben", role=Role.AUDITOR, os_user="ben")
    settings_log.note(with_people(story.config, anna, ben))
    more = anna.model_copy(update={"powers": frozenset({Power.PLAN, Power.APPROVE_IMPLEMENT})})
    zoe = Person(id="zoe", name="Zoe", role=Role.SUPPLIER)
    settings_log.note(with_people(story.config, more, zoe).model_copy(update={"engine": EngineName.MITOGEN}))
    assert last_changes() == [
        "Anna may now also: approve implement",
        "Anna may no longer: peer review, request, run",
        "Ben was taken out",
        "Zoe was added: peer review",
        "engine: ansible became mitogen",
    ]


def test_a_login_that_becomes_another_is_named(story: Story) -> None:
    ben = Person(id="ben", name="Ben", role=Role.HEAD, os_user="ben")
    settings_log.note(with_people(story.config, ben))
    settings_log.note(with_people(story.config, ben.model_copy(update={"os_user": "eve"})))
    assert last_changes() == ["Ben: os user ben became eve"]


def test_a_report_names_what_became_another_while_a_change_was_open(story: Story) -> None:
    settings_log.note(story.config)
    change = story.submitted("minor")
    assert settings_log.changes_during(change.number, is_closed=False) == ()
    settings_log.note(story.config.model_copy(update={"approvals_valid_days": 90}))
    (words,) = settings_log.changes_during(change.number, is_closed=False)
    assert words.startswith("approvals valid days: 30 became 90 (entry ")
    assert settings_log.changes_during(change.number, is_closed=True) == ()
    assert settings_log.changes_during("CHG-1999-0001", is_closed=False) == ()
