"""Columns that are put together once: each node of an expression is a call from Python to the JVM."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")
_MOST = 32


def built_once(build: Callable[_P, _R]) -> Callable[_P, _R]:
    """What `build` returns, kept for arguments that read the same (`repr`); the 32 used last are kept.

    For functions that return Columns and nothing of a frame: a Column never changes and belongs to no session.
    """
    kept: OrderedDict[str, _R] = OrderedDict()

    @wraps(build)
    def built(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        key = repr((args, kwargs))
        if key not in kept:
            kept[key] = build(*args, **kwargs)
        kept.move_to_end(key)
        while len(kept) > _MOST:
            kept.popitem(last=False)
        return kept[key]

    return built
