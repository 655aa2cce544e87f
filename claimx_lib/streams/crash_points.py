"""Named places at which a test ends the process as a power cut would; nothing in production."""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "CLAIMX_CRASH_AT"
_WANTED, _, _NTH = os.environ.get(VARIABLE, "").partition(":")
_SEEN: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """End this process by SIGKILL when `CLAIMX_CRASH_AT=<name>[:<nth>]` names this place and its nth (first) passing.

    The variable is read once, when this module is loaded; without it this is a comparison with an empty text.
    """
    if not _WANTED or name != _WANTED:
        return
    _SEEN[name] += 1
    if _SEEN[name] >= int(_NTH or 1):
        os.kill(os.getpid(), signal.SIGKILL)
