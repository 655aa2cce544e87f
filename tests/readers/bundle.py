"""The Databricks bundle as files: read, put together for a target, its variables filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.readers.bundle_file import BundleFile
from tests.readers.bundle_types import mistakes

ROOT_FILE = "databricks.yml"
REFERENCE = re.compile(r"\$\{([^}]*)\}")
GIVEN = {
    "bundle.name",
    "bundle.target",
    "workspace.current_user.userName",
    "workspace.current_user.short_name",
    "workspace.root_path",
    "workspace.file_path",
}
"""What the Databricks command line fills in by itself."""


class Mistake(Exception):
    """One mistake, with its file and field."""

    def __init__(self, file: str, where: str, what: str) -> None:
        super().__init__(f"{file}: {where}: {what}" if where else f"{file}: {what}")


@dataclass(frozen=True)
class Resource:
    """One resource as it stands in a file; `kind` is the plural of the resources section."""

    kind: str
    key: str
    file: str
    values: Any

    @property
    def where(self) -> str:
        return f"resources.{self.kind}.{self.key}"


@dataclass(frozen=True)
class Bundle:
    """`databricks.yml` and the files that it includes."""

    root: Path
    top: dict[str, Any]
    resources: list[Resource] = field(default_factory=list)

    @property
    def targets(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.top["targets"]
        return found

    @property
    def variables(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.top["variables"]
        return found


class _OneKeyOnce(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # libyaml, thirty times as fast
    """A loader that takes a repeated key for the mistake it is."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key} stands there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read(root: Path) -> Bundle:
    """Reads the bundle below `root`; Mistake where a file cannot be read or holds what does not belong there."""
    top = _parsed(root, ROOT_FILE)
    for where, what in mistakes(BundleFile, top, ""):
        raise Mistake(ROOT_FILE, where.removeprefix("."), what)
    bundle = Bundle(root=root, top=top)
    for pattern in top["include"]:
        files = sorted(root.glob(pattern))
        if not files:
            raise Mistake(ROOT_FILE, "include", f"{pattern} matches no file")
        for path in files:
            name = path.relative_to(root).as_posix()
            bundle.resources.extend(_resources(name, _parsed(root, name)))
    bundle.resources.extend(_resources(ROOT_FILE, {"resources": top.get("resources", {})}))
    _each_once(bundle)
    _none_left_out(bundle)
    return bundle


def _each_once(bundle: Bundle) -> None:
    seen: dict[str, str] = {}
    for resource in bundle.resources:
        if resource.where in seen:
            raise Mistake(resource.file, resource.where, f"it stands in {seen[resource.where]} too")
        seen[resource.where] = resource.file


def _none_left_out(bundle: Bundle) -> None:
    """A file beside the included ones that no pattern matches would be missed by nobody but its author."""
    read_ones = {bundle.root / resource.file for resource in bundle.resources}
    for folder in {path.parent for path in read_ones} - {bundle.root}:
        for path in sorted(folder.glob("*.y*ml")):
            if path not in read_ones:
                name = path.relative_to(bundle.root).as_posix()
                raise Mistake(ROOT_FILE, "include", f"no pattern matches {name}, or it holds no resource")


def _parsed(root: Path, name: str) -> dict[str, Any]:
    try:
        parsed = yaml.load((root / name).read_text("utf-8"), Loader=_OneKeyOnce)  # noqa: S506  (a safe loader)
    except OSError as error:
        raise Mistake(name, "", str(error.strerror)) from None
    except UnicodeDecodeError:
        raise Mistake(name, "", "not UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Mistake(name, f"line {mark.line + 1}" if mark else "", str(getattr(error, "problem", error))) from None
    if not isinstance(parsed, dict):
        raise Mistake(name, "", "not a mapping")
    return parsed


def _resources(file: str, parsed: dict[str, Any]) -> Iterator[Resource]:
    for section in parsed:
        if section != "resources":
            raise Mistake(file, str(section), "an included file holds resources only")
    for kind, named in _mapping(file, "resources", parsed.get("resources")).items():
        for key, values in _mapping(file, f"resources.{kind}", named).items():
            _mapping(file, f"resources.{kind}.{key}", values)
            yield Resource(kind=kind, key=key, file=file, values=values)


def _mapping(file: str, where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Mistake(file, where, f"{value!r} is no mapping")
    return value


def texts(tree: Any, where: str) -> Iterator[tuple[str, str]]:
    """Each text of the tree with the field that it stands in."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from texts(value, f"{where}.{key}" if where else str(key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from texts(value, f"{where}[{number}]")
    elif isinstance(tree, str):
        yield where, tree


def filled(tree: Any, values: dict[str, Any], *, depth: int = 0) -> Any:
    """The tree with each reference of `values` replaced; one that is a whole text may become a mapping or a list."""
    if depth > 20:
        raise Mistake(ROOT_FILE, "variables", f"references go round in a circle: {tree}")
    if isinstance(tree, dict):
        return {key: filled(value, values, depth=depth) for key, value in tree.items()}
    if isinstance(tree, list):
        return [filled(value, values, depth=depth) for value in tree]
    if not isinstance(tree, str):
        return tree
    whole = REFERENCE.fullmatch(tree)
    if whole and whole.group(1) in values:
        return filled(values[whole.group(1)], values, depth=depth + 1)
    text = REFERENCE.sub(lambda m: str(values[m.group(1)]) if m.group(1) in values else m.group(0), tree)
    return text if text == tree else filled(text, values, depth=depth + 1)


def values_of(bundle: Bundle, target: str) -> dict[str, Any]:
    """What each reference stands for in this target; what only a deployment knows is a text that says so."""
    given = bundle.targets[target].get("variables") or {}
    values: dict[str, Any] = {
        f"var.{name}": given.get(name, spec.get("default")) for name, spec in bundle.variables.items()
    }
    values |= {name: name.rpartition(".")[2] for name in GIVEN}
    values |= {"bundle.name": bundle.top["bundle"]["name"], "bundle.target": target}
    for resource in bundle.resources:
        for key, value in resource.values.items():
            if isinstance(value, str):
                values[f"{resource.where}.{key}"] = value
    return values
