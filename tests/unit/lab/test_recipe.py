"""A recipe's hash says whether an image must be built again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fitsom_lab.errors import LabError
from fitsom_lab.images import generations
from fitsom_lab.recipe import containerfile, deb_lines, final_sources, mmdebstrap_command, recipe_for
from fitsom_lab.sources import Mirrors

MIRRORS = Mirrors(release="http://mirror.school.test/debian", security="http://mirror.school.test/security")


def test_the_same_recipe_has_the_same_tag() -> None:
    assert recipe_for("debian12", MIRRORS).tag == recipe_for("debian12", MIRRORS).tag


def test_anything_that_decides_the_image_changes_its_tag() -> None:
    tags = {
        recipe_for("debian12", MIRRORS).tag,
        recipe_for("debian12-outdated", MIRRORS).tag,
        recipe_for("debian13", MIRRORS).tag,
        recipe_for("debian12", replace(MIRRORS, security="http://other.test")).tag,
        recipe_for("debian12", MIRRORS, "registry.test/debian:{release}").tag,
    }
    assert len(tags) == 5


def test_an_outdated_image_is_built_from_the_release_alone() -> None:
    recipe = recipe_for("debian12-outdated", MIRRORS)
    assert [line.split()[-2] for line in deb_lines(recipe)] == ["bookworm"]


def test_an_outdated_image_is_left_with_the_security_sources() -> None:
    recipe = recipe_for("debian12-outdated", MIRRORS)
    assert "Suites: bookworm-security" in final_sources(recipe)
    assert any("Suites: bookworm-security" in argument for argument in mmdebstrap_command(recipe))


def test_a_base_image_is_named_by_release() -> None:
    recipe = recipe_for("debian13", MIRRORS, "registry.test/debian:{release}")
    assert containerfile(recipe).startswith("FROM registry.test/debian:13\n")
    assert "VERSION_CODENAME=trixie" in containerfile(recipe)


@pytest.mark.parametrize("name", ["debian12-old", "ubuntu", "debian12-", ""])
def test_an_unknown_image_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(LabError) as refused:
        recipe_for(name, MIRRORS)
    assert "debian12[-outdated]" in refused.value.hint


def test_extras_are_packages_upon_the_plain_image() -> None:
    recipe, plain = recipe_for("debian12+samba", MIRRORS), recipe_for("debian12", MIRRORS)
    text = containerfile(recipe)
    assert text.startswith(f"FROM {plain.tag}\n")
    assert " samba-ad-provision " in text
    assert recipe.tag.startswith("localhost/fitsom-lab:debian12.samba-"), "a tag may not hold a plus"
    assert (recipe.name, plain.packages) == ("debian12+samba", ())


def test_nothing_starts_while_extras_are_installed() -> None:
    text = containerfile(recipe_for("debian12+openldap", MIRRORS))
    assert text.index("exit 101") < text.index("apt-get -qy install") < text.index("rm /usr/sbin/policy-rc.d")


def test_extras_and_what_they_stand_on_decide_the_tag() -> None:
    names = ["debian12+samba", "debian12+openldap", "debian12+samba+openldap", "debian13+samba"]
    tags = {recipe_for(name, MIRRORS).tag for name in names}
    tags.add(recipe_for("debian12+samba", replace(MIRRORS, security="http://other.test")).tag)
    tags.add(recipe_for("debian12+samba", MIRRORS, "registry.test/debian:{release}").tag)
    assert len(tags) == 6


def test_a_package_of_two_extras_is_named_once() -> None:
    packages = recipe_for("debian12+samba+adclient", MIRRORS).packages
    assert packages.count("krb5-user") == 1
    assert {"sssd", "samba"} <= set(packages)


def test_a_release_has_its_own_names_of_packages() -> None:
    assert "samba-ad-dc" in recipe_for("debian13+samba", MIRRORS).packages
    assert "dnsutils" not in recipe_for("debian13+samba", MIRRORS).packages


def test_a_plain_image_is_built_once_before_all_that_stand_on_it() -> None:
    wanted = [recipe_for(name, MIRRORS) for name in ("debian12+samba", "debian12+openldap", "debian13")]
    alone, layered = generations(wanted)
    assert [recipe.name for recipe in alone] == ["debian12", "debian13"]
    assert [recipe.name for recipe in layered] == ["debian12+samba", "debian12+openldap"]


@pytest.mark.parametrize("name", ["debian12+exchange", "debian12+", "debian12+samba+"])
def test_an_unknown_extra_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(LabError, match="unknown extra") as refused:
        recipe_for(name, MIRRORS)
    assert refused.value.hint == (
        "extras: samba, openldap, adclient, frr, backups, postgresql, mariadb, printing, printers, kernel, "
        "controller, s3"
    )
