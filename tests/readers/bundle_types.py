"""What the typed classes of databricks-bundles say of a value: each mistake with the field that it is in."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from databricks.bundles.core import Variable

Found = tuple[str, str]
SCALARS: dict[type, tuple[type, ...]] = {str: (str,), int: (int,), float: (int, float), bool: (bool,)}


def resource_classes() -> dict[str, type]:
    """The class of each kind of resource, by its plural name as in the resources section."""
    from databricks.bundles.core._resource_type import _ResourceType

    return {kind.plural_name: kind.resource_type for kind in _ResourceType.all()}


def mistakes(kind: Any, value: Any, where: str) -> Iterator[Found]:
    """Field and mistake of everything in `value` that an object of this type cannot hold."""
    kind, may_be_none = _unwrapped(kind)
    if (value is None and may_be_none) or kind is Any:
        return
    origin = get_origin(kind)
    if dataclasses.is_dataclass(kind):
        yield from _of_object(kind, value, where)
    elif origin is list:
        yield from _of_list(get_args(kind)[0], value, where)
    elif origin is dict:
        yield from _of_dict(get_args(kind)[1], value, where)
    else:
        yield from _of_scalar(kind, value, where)


def _unwrapped(kind: Any) -> tuple[Any, bool]:
    """The type without `Variable[...]` and None, and whether None is allowed."""
    if get_origin(kind) not in {Union, types.UnionType}:
        return kind, False
    args = [arg for arg in get_args(kind) if get_origin(arg) is not Variable]
    kept = [arg for arg in args if arg is not types.NoneType]
    return kept[0], len(kept) < len(args)


def _of_object(kind: Any, value: Any, where: str) -> Iterator[Found]:
    if not isinstance(value, dict):
        yield where, f"{value!r} is no {kind.__name__}"
        return
    hints = get_type_hints(kind)
    known = {field.name: field for field in dataclasses.fields(kind)}
    for key in value:
        if key not in known:
            yield f"{where}.{key}", f"{kind.__name__} has no such field"
    for name, field in known.items():
        if name in value:
            yield from mistakes(hints[name], value[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            yield f"{where}.{name}", f"{kind.__name__} needs this field"


def _of_list(kind: Any, value: Any, where: str) -> Iterator[Found]:
    if not isinstance(value, list):
        yield where, f"{value!r} is no list"
        return
    for number, item in enumerate(value):
        yield from mistakes(kind, item, f"{where}[{number}]")


def _of_dict(kind: Any, value: Any, where: str) -> Iterator[Found]:
    if not isinstance(value, dict):
        yield where, f"{value!r} is no mapping"
        return
    for key, item in value.items():
        yield from mistakes(kind, item, f"{where}.{key}")


def _of_scalar(kind: Any, value: Any, where: str) -> Iterator[Found]:
    if get_origin(kind) is Literal:
        allowed = list(get_args(kind))
    elif isinstance(kind, type) and issubclass(kind, Enum):
        allowed = [member.value for member in kind]
    else:
        is_right = isinstance(value, SCALARS.get(kind, (object,))) and (kind is bool or not isinstance(value, bool))
        if not is_right:
            yield where, f"{value!r} is no {kind.__name__}"
        return
    if value not in allowed:
        yield where, f"{value!r} is none of {', '.join(map(str, allowed))}"
