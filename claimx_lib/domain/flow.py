"""The streaming jobs by name."""

from __future__ import annotations

STREAMS = ("task_trigger", "task_tracking", "mapping_sync", "task_creation")
"""In the order of the data flow; each writes dead letters under its name."""
