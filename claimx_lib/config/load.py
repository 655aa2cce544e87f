"""Settings from files, environment and arguments, all wrong ones told at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from claimx_lib.config.layers import Layer, Tree, conf_dir, layer_of_sets, merged, read_layer, substituted
from claimx_lib.config.problems import HIDDEN, SECRET, dotted, origin, told, without_credentials
from claimx_lib.config.settings import Settings
from claimx_lib.config.topics_apart import clashes, unknown_partitions
from claimx_lib.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """One setting as it holds: its path, its value as it may be shown, and what it comes from."""

    path: str
    value: Any
    source: str


def load(
    env: str = "local",
    *,
    config: Path | None = None,
    sets: list[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return valid settings, or raise one SettingsError that lists every wrong setting by file and path.

    Precedence: base.yaml < <env>.yaml < `config` < `sets` (contract, section 1).
    """
    return _valid(_layers(env, config, sets or []), os.environ if environ is None else environ)


def effective(
    env: str = "local",
    *,
    config: Path | None = None,
    sets: list[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> list[Effective]:
    """Return every setting as it holds, in the order of base.yaml, secrets redacted; raises as `load` does."""
    layers = _layers(env, config, sets or [])
    values = _valid(layers, os.environ if environ is None else environ).model_dump(mode="json")
    return [
        Effective(path=dotted(loc), value=_redacted(dotted(loc), value), source=origin(loc, layers))
        for loc, value in _leaves(values, ())
    ]


def _valid(layers: list[Layer], environ: Mapping[str, str]) -> Settings:
    tree: Tree = {}
    for layer in layers:
        tree = merged(tree, layer.values)
    problems: list[str] = []
    values = substituted(tree, environ, path="", problems=problems)
    unset = {problem.split(":", 1)[0] for problem in problems}
    problems = [f"{origin(tuple(p.split(':', 1)[0].split('.')), layers)}: {p}" for p in problems]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        details = [d for d in error.errors() if ".".join(map(str, d["loc"])) not in unset]
        raise SettingsError([*problems, *dict.fromkeys(told(detail, layers) for detail in details)]) from None
    wrong = [*((one.output, str(one)) for one in clashes(settings)), *unknown_partitions(settings)]
    problems += [f"{origin(loc, layers)}: {dotted(loc)}: {what}" for loc, what in wrong]
    if problems:
        raise SettingsError(problems)
    return settings


def _layers(env: str, config: Path | None, sets: list[str]) -> list[Layer]:
    folder = conf_dir()
    file = folder / f"{env}.yaml"
    if env == "base" or not file.is_file():
        known = sorted(p.stem for p in folder.glob("*.yaml") if p.stem != "base")
        raise SettingsError([f"--env {env}: there is no {file}; use one of {', '.join(known)}"])
    layers = [read_layer(folder / "base.yaml"), read_layer(file)]
    if config is not None:
        layers.append(read_layer(config))
    return [*layers, layer_of_sets(sets)]


def _leaves(tree: Any, loc: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(tree, dict) or not tree or _is_reference(tree):
        yield loc, tree
        return
    for key, value in tree.items():
        yield from _leaves(value, (*loc, key))


def _is_reference(tree: Tree) -> bool:
    return tree.keys() == {"env", "file", "scope", "key"}


def _redacted(path: str, value: Any) -> Any:
    """A reference says where a secret is, and may be shown; a value under a secret's path may not."""
    if isinstance(value, dict) and _is_reference(value):
        return {key: place for key, place in value.items() if place is not None}
    if isinstance(value, dict):
        return {key: _redacted(f"{path}.{key}", inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(path, inner) for inner in value]
    if value is not None and SECRET.search(path):
        return HIDDEN
    return without_credentials(value) if isinstance(value, str) else value
