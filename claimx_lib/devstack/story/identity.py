"""Act two: an estimate finds its project, or a person finds it."""

from __future__ import annotations

from claimx_lib.devstack.story.scene import Check, Scene


def play(scene: Scene) -> list[Check]:
    return []
