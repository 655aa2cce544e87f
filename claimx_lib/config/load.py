"""Settings from files, environment and arguments, all wrong ones told at once."""

from __future__ import annotations

import difflib
import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from claimx_lib.config.layers import Layer, Tree, conf_dir, layer_of_sets, merged, read_layer, substituted
from claimx_lib.config.settings import Settings
from claimx_lib.errors import ConfigError


def load(
    env: str = "local",
    *,
    config: Path | None = None,
    sets: list[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return valid settings, or raise one ConfigError that lists every wrong setting by its path.

    Precedence: base.yaml < <env>.yaml < `config` < `sets` (contract, section 1).
    """
    layers = _layers(env, config, sets or [])
    tree: Tree = {}
    for layer in layers:
        tree = merged(tree, layer.values)
    problems: list[str] = []
    values = substituted(tree, os.environ if environ is None else environ, path="", problems=problems)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_told(detail, layers) for detail in error.errors() if not _is_unset(detail, problems)]
        raise _refusal(problems) from None
    if problems:
        raise _refusal(problems)
    return settings


def _layers(env: str, config: Path | None, sets: list[str]) -> list[Layer]:
    folder = conf_dir()
    file = folder / f"{env}.yaml"
    if env == "base" or not file.is_file():
        known = sorted(p.stem for p in folder.glob("*.yaml") if p.stem != "base")
        raise ConfigError(f"--env {env}: there is no {file}", cure=f"use one of {', '.join(known)}")
    layers = [read_layer(folder / "base.yaml"), read_layer(file)]
    if config is not None:
        layers.append(read_layer(config))
    return [*layers, layer_of_sets(sets)]


def _refusal(problems: list[str]) -> ConfigError:
    head = problems[0] if len(problems) == 1 else f"{len(problems)} settings are wrong: " + " | ".join(problems)
    return ConfigError(head)


def _is_unset(detail: ErrorDetails, problems: list[str]) -> bool:
    path = _path(detail)
    return any(problem.startswith(f"{path}: $") for problem in problems)


def _path(detail: ErrorDetails) -> str:
    return ".".join(str(part) for part in detail["loc"])


def _told(detail: ErrorDetails, layers: list[Layer]) -> str:
    path = _path(detail)
    where = _origin(detail["loc"], layers)
    if detail["type"] == "extra_forbidden":
        return f"{path} ({where}): there is no such setting{_suggestion(detail['loc'])}"
    if detail["type"] == "missing":
        return f"{path}: missing; set it in a settings file or with --set {path}=…"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{path} = {_shown(detail['input'])} ({where}): {message}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _origin(loc: tuple[int | str, ...], layers: list[Layer]) -> str:
    for layer in reversed(layers):
        if _has(layer.values, loc):
            return layer.name
    return "settings"


def _has(tree: Any, loc: tuple[int | str, ...]) -> bool:
    for part in loc:
        if not isinstance(tree, dict):
            return True
        if str(part) not in tree:
            return False
        tree = tree[str(part)]
    return True


def _suggestion(loc: tuple[int | str, ...]) -> str:
    known = _keys_beside(Settings, loc[:-1])
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(known)}" if known else ""


def _keys_beside(model: type[BaseModel], parents: tuple[int | str, ...]) -> list[str]:
    current: Any = model
    for part in parents:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = _model_in(field.annotation) if field else None
    is_model = isinstance(current, type) and issubclass(current, BaseModel)
    return sorted(current.model_fields) if is_model else []


def _model_in(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, list, dict):
        return next((m for a in typing.get_args(annotation) if (m := _model_in(a)) is not None), None)
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else None
