"""Removing the cached images must not fail because somebody else's lab runs on one of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fitsom_lab import labs
from fitsom_lab.engine import Container
from fitsom_lab.settings import from_environment


class Engine:
    """An engine with two images, one of which a container of another checkout runs on."""

    asked: list[tuple[str, ...]]

    def __init__(self, _settings: object) -> None:
        Engine.asked = []

    def images(self) -> list[str]:
        return ["localhost/fitsom-lab:a", "localhost/fitsom-lab:b"]

    def containers(self, lab: str | None = None, *, everywhere: bool = False) -> list[Container]:
        assert lab is None
        other = Container(
            name="x",
            lab="l",
            host="h",
            home="9999",
            state="running",
            image="localhost/fitsom-lab:b",
            address="",
            port=22,
        )
        return [other] if everywhere else []

    def run(self, *arguments: str) -> str:
        self.asked.append(arguments)
        return ""


def test_an_image_in_use_stays_and_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(labs, "Engine", Engine)
    settings = from_environment({"FITSOM_LAB_DIR": str(tmp_path), "FITSOM_LAB_ENGINE": "podman"})
    assert labs.remove_images(settings) == (["localhost/fitsom-lab:a"], ["localhost/fitsom-lab:b"])
    assert Engine.asked == [("rmi", "localhost/fitsom-lab:a")]
