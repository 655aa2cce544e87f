"""What is wrong with a setting, in one line: file, path, value, cure; never a secret."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from claimx_lib.config.layers import Layer
from claimx_lib.config.settings import Settings

Location = tuple[int | str, ...]
HIDDEN = "***"
DEFAULT = "default"
LONGEST = 80
SECRET = re.compile(
    r"token|password|passwd|secret|salt|credential|private|jaas|authorization|bearer|api_?key|\.key$"
    r"|azure\.account\.key|azure\.sas",
    re.IGNORECASE,
)
CREDENTIALS = re.compile(r"(?<=//)\S*@")
"""Up to the last @ there is: a password may hold one, and a slash, too."""
UNITS = ("_seconds", "_minutes", "_hours", "_days", "_bytes", "_ms", "_milliseconds", "_per_second", "_mb", "_kb")
UNIT_OF = {"_seconds": "seconds", "_hours": "hours", "_days": "days", "_bytes": "bytes", "_per_second": "a second"}


def shown(path: str, value: Any) -> str:
    """Return the value as an error or a listing may show it: `***` under a secret's path, no credentials in URLs."""
    if SECRET.search(path):
        return HIDDEN
    if isinstance(value, Mapping | list):
        return f"a {'mapping' if isinstance(value, Mapping) else 'list'} of {len(value)}"
    text = without_credentials(repr(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def without_credentials(text: str) -> str:
    """Return the whole text with `***` in place of user and password of each URL in it."""
    return CREDENTIALS.sub(f"{HIDDEN}@", text)


def told(detail: ErrorDetails, layers: Sequence[Layer]) -> str:
    """Return one of pydantic's findings as one line, with the file or argument that the value came from."""
    loc = known_part(detail["loc"])
    path = dotted(loc)
    where = origin(loc, layers)
    if detail["type"] == "extra_forbidden":
        return f"{where}: {path}: there is no such setting{_suggestion(loc)}"
    if detail["type"] == "missing":
        return f"{path}: missing; set it in a settings file or with --set {path}=…"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error" and isinstance(detail["input"], Mapping):
        return f"{where}: {path}: {message}"
    return f"{where}: {path} = {shown(path, detail['input'])}: {_plain(message)}{_unit(path, detail['input'])}"


def dotted(loc: Location) -> str:
    """Return the path as `--set` takes it."""
    return ".".join(str(part) for part in loc)


def origin(loc: Location, layers: Sequence[Layer]) -> str:
    """Return the name of the topmost file or argument that says something about the path."""
    return next((layer.name for layer in reversed(layers) if _has(layer.values, loc)), DEFAULT)


def known_part(loc: Location) -> Location:
    """Return the path without what pydantic adds to it for the alternatives of a union."""
    return tuple(p for p in loc if not (isinstance(p, str) and (p in UNION_PARTS or "[" in p)))


UNION_PARTS = frozenset({"str", "int", "float", "bool", "SecretReference", "SkipIf", "TriggerAction", "TriggerLog"})


def _has(tree: Any, loc: Location) -> bool:
    for part in loc:
        if not isinstance(tree, dict):
            return True
        if str(part) not in tree:
            return False
        tree = tree[str(part)]
    return True


def _plain(message: str) -> str:
    """Say what pydantic says in words of a settings file."""
    if message.startswith("Input should be a valid dictionary or instance of SecretReference"):
        return "a secret is never a value here: name its place, {env: NAME}, {file: PATH} or {scope: S, key: K}"
    if message.startswith("String should match pattern"):
        return f"it is not of the form {message.removeprefix('String should match pattern ')}"
    return message.replace("Input should", "it should").replace("String should", "it should")


def _unit(path: str, value: Any) -> str:
    """Say which unit a number has, where it was given as a text such as `30s`."""
    unit = next((name for suffix, name in UNIT_OF.items() if path.endswith(suffix)), None)
    return f" ({unit}, without a unit)" if unit and isinstance(value, str) else ""


def _suggestion(loc: Location) -> str:
    known = _keys_beside(Settings, loc[:-1])
    given = str(loc[-1])
    same = [key for key in known if _stem(key) == _stem(given)]
    near = same or difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    if same and given != near[0]:
        return f"; did you mean {near[0]}? Mind the unit"
    return f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(known)}" if known else ""


def _stem(key: str) -> str:
    return next((key.removesuffix(unit) for unit in sorted(UNITS, key=len, reverse=True) if key.endswith(unit)), key)


def _keys_beside(model: type[BaseModel], parents: Location) -> list[str]:
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
