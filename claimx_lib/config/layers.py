"""The files and arguments that settings come from, put one over the other."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from claimx_lib.errors import ConfigError

Tree = dict[str, Any]
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One source of settings; `name` is what an error calls it."""

    name: str
    values: Tree


def read_layer(path: Path) -> Layer:
    """Return the file's mapping with every key as text; ConfigError where it is none."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", cure="give the path of a readable file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text in UTF-8", cure="save it as UTF-8") from None
    try:
        return Layer(name=str(path), values=_parsed(text, path))
    except RecursionError:
        raise ConfigError(f"{path}: nested without end", cure="take out the alias that holds itself") from None


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # libyaml, thirty times as fast
    """YAML in which no key stands twice: the first of the two would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"{key.value} stands twice", problem_mark=key.start_mark)
                seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return made


_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
"""A date is a text, which the setting's own type reads: YAML would fail at one that no calendar has."""


def _parsed(text: str, path: Path) -> Tree:
    try:
        loaded = yaml.load(text, _StrictLoader)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "no YAML"
        raise ConfigError(f"{path}{line}: {problem}", cure="mend the YAML there") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: not a mapping", cure="write `key: value` lines as in conf/base.yaml")
    tree: Tree = with_text_keys(loaded)
    return tree


def layer_of_sets(sets: list[str]) -> Layer:
    """Return what `--set a.b=c` arguments say; a value is read as YAML."""
    values: Tree = {}
    for item in sets:
        path, equals, text = item.partition("=")
        if not equals or not all(path.split(".")):
            raise ConfigError(f"--set {path}: not of the form a.b=value", cure="write --set claimx.timeout_seconds=5")
        try:
            value = yaml.load(text, _StrictLoader)  # noqa: S506  (a SafeLoader)
        except yaml.YAMLError:
            value = text
        values = merged(values, _nested(path.split("."), value))
    return Layer(name="--set", values=with_text_keys(values))


def _nested(keys: list[str], value: Any) -> Tree:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def with_text_keys(tree: Any) -> Any:
    """Return the tree with every mapping key as text, so that 32513 and "32513" are one key."""
    if isinstance(tree, dict):
        return {str(key): with_text_keys(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [with_text_keys(value) for value in tree]
    return tree


REPLACED_WHOLE = frozenset({"token", "sasl_password", "erased_salt"})
"""Keys whose mapping names one place: of two places none would be right."""
RULES = "field_rules"
"""The key whose entries are replaced whole: of `equals` below and `one_of` above both would have to hold."""


def merged(low: Tree, high: Tree) -> Tree:
    """Return `low` with `high` over it: mappings key by key; secrets, a field's rule and all else replaced whole."""
    result = dict(low)
    for key, value in high.items():
        below = result.get(key)
        if key == RULES and isinstance(value, dict) and isinstance(below, dict):
            result[key] = below | value
        elif isinstance(value, dict) and isinstance(below, dict) and key not in REPLACED_WHOLE:
            result[key] = merged(below, value)
        else:
            result[key] = value
    return result


def substituted(tree: Any, environ: Mapping[str, str], *, path: str, problems: list[str]) -> Any:
    """Return the tree with `${VAR}` and `${VAR:-default}` replaced; what is not set goes to `problems`."""
    if isinstance(tree, dict):
        return {k: substituted(v, environ, path=_joined(path, k), problems=problems) for k, v in tree.items()}
    if isinstance(tree, list):
        return [substituted(v, environ, path=f"{path}[{i}]", problems=problems) for i, v in enumerate(tree)]
    if not isinstance(tree, str):
        return tree

    def value_of(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        found = environ.get(name) or default
        if found is None:
            problems.append(f"{path}: ${{{name}}} is not set: set the environment variable {name}, or the setting")
        return found or ""

    return VARIABLE.sub(value_of, tree)


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def conf_dir() -> Path:
    """Return the folder of the settings files: $CLAIMX_CONF, ./conf, or the one beside the package."""
    named = os.environ.get("CLAIMX_CONF")
    beside = Path(__file__).resolve().parents[2] / "conf"
    packaged = Path(__file__).resolve().parents[1] / "conf"
    candidates = [Path(named)] if named else [Path("conf"), beside, packaged]
    for candidate in candidates:
        if (candidate / "base.yaml").is_file():
            return candidate
    if named is None and (unpacked := _unpacked_conf()) is not None:
        return unpacked
    raise ConfigError(
        f"no base.yaml in {', '.join(map(str, candidates))}", cure="set CLAIMX_CONF to the folder of the settings"
    )


@cache
def _unpacked_conf() -> Path | None:
    """The settings of a package that runs from a zip (`--py-files`), in a folder that lasts as long as this process."""
    packaged = resources.files("claimx_lib") / "conf"
    if not packaged.joinpath("base.yaml").is_file():
        return None
    folder = Path(tempfile.mkdtemp(prefix="claimx-conf-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for file in packaged.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder
