"""What a plan foresaw, compared with what is foreseen now or with what came."""

import json
from dataclasses import replace

from fitsom_runner.ansible import ledger
from fitsom_runner.ansible.ledger import Status
from fitsom_runner.changes import prediction
from fitsom_runner.facts import BlindKind, BlindStep, Facts, HostChanges, Item, Object, Package, PackageAction
from fitsom_runner.facts_reader import changes_from_json, hosts_from_json
from tests.unit.ansible.events import done, ledger_of, result, stats, task

UPGRADE = Package(name="openssl", old="1", new="2")


def host(*packages: Package, items: tuple[tuple[str, str, str], ...] = ()) -> HostChanges:
    """One host's prediction: its packages, and (task, item, digest) of whatever else changes."""
    changes = tuple(Item(task=t, role="r", item=i, digest=d) for t, i, d in items)
    return HostChanges(items=changes, facts=Facts(packages=packages))


def test_what_came_what_came_besides_and_what_did_not_come() -> None:
    plan = {"srv1": host(UPGRADE, items=(("Config", "/etc/a", "d1"), ("Config", "/etc/b", "d2")))}
    actual = {"srv1": host(UPGRADE, items=(("Config", "/etc/a", "d1"), ("Config", "/etc/c", "d3")))}
    assert [(d.what, d.kind) for d in prediction.compare(plan, actual)] == [
        ("upgrade openssl 1 -> 2", "foreseen_and_came"),
        ("/etc/a", "foreseen_and_came"),
        ("/etc/b", "did_not_come"),
        ("/etc/c", "came_besides"),
    ]


def test_the_same_file_with_another_difference_is_another_change() -> None:
    plan = {"srv1": host(items=(("Config", "/etc/a", "d1"),))}
    actual = {"srv1": host(items=(("Config", "/etc/a", "d2"),))}
    compared = prediction.compare(plan, actual, predicted=True)
    assert [d.kind for d in compared] == ["did_not_come", "came_besides"]
    assert prediction.unapproved_changes(plan, actual) == [
        "srv1: /etc/a (Config) is predicted now and was not approved"
    ]


def test_a_run_takes_no_differences_and_is_compared_without_them() -> None:
    plan = {"srv1": host(items=(("Config", "/etc/a", "d1"), ("Config", "/etc/b", "d2")))}
    actual = {"srv1": host(items=(("Config", "/etc/a", "-"), ("Config", "/etc/c", "-")))}
    assert [(d.what, d.kind) for d in prediction.compare(plan, actual)] == [
        ("/etc/a", "foreseen_and_came"),
        ("/etc/b", "did_not_come"),
        ("/etc/c", "came_besides"),
    ]


def test_another_version_is_a_move() -> None:
    plan, current = {"srv1": host(UPGRADE)}, {"srv1": host(replace(UPGRADE, new="3"))}
    assert prediction.unapproved_changes(plan, current) == [
        "srv1: upgrade openssl 1 -> 3 (packages) is predicted now and was not approved"
    ]


def test_a_host_that_was_not_approved_is_a_move() -> None:
    current = {"srv1": host(UPGRADE), "srv2": host(UPGRADE)}
    assert len(prediction.unapproved_changes({"srv1": host(UPGRADE)}, current)) == 1


def test_what_no_longer_needs_doing_is_no_move() -> None:
    assert (
        prediction.unapproved_changes({"srv1": host(UPGRADE), "srv2": host(UPGRADE)}, {"srv1": host()}) == []
    )
    assert prediction.unapproved_changes({"srv1": host(UPGRADE)}, {"srv1": host(UPGRADE)}) == []


def test_pins_are_the_versions_that_hosts_will_have() -> None:
    removed = Package(name="telnet", old="1", new=None, action=PackageAction.REMOVE)
    installed = Package(name="tree", old=None, new="2", action=PackageAction.INSTALL)
    assert prediction.pins({"srv1": host(UPGRADE, removed, installed), "srv2": host()}) == {
        "srv1": {"openssl": "2", "tree": "2"},
        "srv2": {},
    }


def test_packages_read_as_words() -> None:
    assert prediction.package_words(UPGRADE) == "upgrade openssl 1 -> 2"
    installed = Package(name="tree", old=None, new="2", action=PackageAction.INSTALL)
    assert prediction.package_words(installed) == "install tree 2"


def test_a_prediction_is_made_from_a_ledger_without_repetitions() -> None:
    fact = {"fitsom": {"packages": [UPGRADE.to_json()], "notes": ["n"]}}
    ledger_state = ledger_of(
        task(1, "Install"),
        result("srv1", 1, Status.CHANGED, **fact, changes=[{"k": "d1", "item": "openssl", "p": True}]),
        result("srv1", 1, Status.CHANGED, **fact),
        done("srv1"),
        stats(srv1={}),
    )
    body = ledger.predicted_changes(ledger_state)["srv1"]
    assert body.facts == Facts(packages=(UPGRADE,), notes=("n",))
    assert body.marks == 1
    compared = prediction.compare({"srv1": body}, {"srv1": body})
    assert [d.what for d in compared] == ["upgrade openssl 1 -> 2"], "a package counts once"


def account(identifier: str, action: str = "create") -> Object:
    """One account of many that a module changes at once."""
    return Object(kind="user", id=identifier, action=action, group="Year 7", what="in Pupils/Year 7")


def accounts(*things: Object) -> dict[str, HostChanges]:
    """A prediction for one host."""
    return {"dc1": HostChanges(facts=Facts(objects=things))}


def test_many_things_of_a_module_are_compared_one_by_one() -> None:
    plan = accounts(account("p-1"), account("p-2"))
    actual = accounts(account("p-2"), account("p-3", "delete"))
    assert [(d.what, d.kind, d.batch) for d in prediction.compare(plan, actual)] == [
        ("create user p-1: in Pupils/Year 7", "did_not_come", "create user, Year 7"),
        ("create user p-2: in Pupils/Year 7", "foreseen_and_came", "create user, Year 7"),
        ("delete user p-3: in Pupils/Year 7", "came_besides", "delete user, Year 7"),
    ]
    assert prediction.unapproved_changes(plan, actual) == [
        "dc1: delete user p-3: in Pupils/Year 7 (objects) is predicted now and was not approved"
    ]


def test_an_answer_that_cannot_be_read_was_not_approved() -> None:
    approved, unread = (
        {"srv1": host(UPGRADE)},
        {"srv1": changes_from_json({"facts": {"objects": "?"}}, "srv1")},
    )
    assert prediction.unapproved_changes(approved, unread) == [
        "srv1: its answer now cannot be read completely"
    ]
    assert prediction.unapproved_changes(unread, unread) == [], "an approver saw that it cannot be read"


def test_a_step_that_is_not_listed_says_whether_another_was_at_its_place() -> None:
    def steps(*places: tuple[str, str]) -> dict[str, HostChanges]:
        blind = (
            BlindStep(kind=BlindKind.SKIPPED, task="Tidy", words="rm", path=path, content=content)
            for path, content in places
        )
        return {"a": HostChanges(blind=tuple(blind))}

    approved = steps(("x.yml:1", "1"))
    words = "a: nobody can predict what Tidy (rm) does, and the plan did not list it"
    assert prediction.unlisted_steps(approved, approved) == []
    assert prediction.unlisted_steps(approved, steps(("x.yml:1", "2"))) == [f"{words} with these arguments"]
    assert prediction.unlisted_steps(approved, steps(("x.yml:1", "1"), ("x.yml:2", "1"))) == [words]
    assert prediction.unlisted_steps({}, approved)[-1] == words


def test_a_prediction_reads_back_as_it_was_stored() -> None:
    predicted = {**accounts(account("p-1")), "srv1": host(UPGRADE, items=(("Config", "/etc/a", "d1"),))}
    record = json.loads(json.dumps(prediction.to_json(predicted)))
    assert hosts_from_json(record) == predicted


def test_a_way_back_is_to_what_was_there_before_the_first_run() -> None:
    first = {"srv1": host(UPGRADE, Package(name="libnew", old=None, new="1")), "srv2": host()}
    second = {"srv1": host(replace(UPGRADE, old="2", new="3")), "srv3": host(UPGRADE)}
    assert prediction.pins_back([first, second]) == {
        "srv1": {"openssl": "1", "libnew": ""},
        "srv3": {"openssl": "1"},
    }
