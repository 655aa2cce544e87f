"""Log messages of the settings, filled with an event's fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_PLACE = re.compile(r"\{(\w+)\}")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
LONGEST_VALUE = 200


def as_it_is(_: str, value: object) -> object:
    """The value of a field."""
    return value


def filled(template: str, fields: Mapping[str, object], shown: Callable[[str, object], object] = as_it_is) -> str:
    """The template with each `{name}` replaced by what is `shown` of that field, cut to 200 characters, on one line.

    A name that is no field stays as it stands; nothing else in braces means anything.
    """

    def value(place: re.Match[str]) -> str:
        name = place.group(1)
        if name not in fields:
            return place.group(0)
        given = shown(name, fields[name])
        return _UNSEEN.sub(" ", "null" if given is None else str(given))[:LONGEST_VALUE]

    return _PLACE.sub(value, template)
