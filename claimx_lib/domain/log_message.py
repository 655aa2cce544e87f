"""Log messages of the settings, filled with an event's fields."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACE = re.compile(r"\{(\w+)\}")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
LONGEST_VALUE = 200


def filled(template: str, fields: Mapping[str, object]) -> str:
    """The template with each `{name}` replaced by that field, cut to 200 characters, on one line.

    A name that is no field stays as it stands; nothing else in braces means anything.
    """

    def value(place: re.Match[str]) -> str:
        name = place.group(1)
        if name not in fields:
            return place.group(0)
        given = fields[name]
        return _UNSEEN.sub(" ", "null" if given is None else str(given))[:LONGEST_VALUE]

    return _PLACE.sub(value, template)
