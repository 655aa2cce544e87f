"""Which places of the settings are folders of this machine."""

from __future__ import annotations

from pathlib import Path


def local_path(place: str) -> Path | None:
    """Return the folder that a plain path, `file:/…` or `file:///…` names; None for any other URI and for `dbfs:`."""
    plain = place.removeprefix("file://").removeprefix("file:")
    return None if "://" in plain or plain.startswith("dbfs:") else Path(plain)
