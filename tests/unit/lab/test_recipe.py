"""A recipe's hash says whether an image must be built again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fitsom_lab.errors import LabError
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
