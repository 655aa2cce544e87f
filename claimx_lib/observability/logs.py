"""Logs: one JSON object a line, or text on a terminal; never a payload, never a secret."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from claimx_lib.config.settings import Logging


def configure_logs(settings: Logging, *, stream: Any = None) -> None:
    """Send every log line of this process to `stream` (standard error), in the form of the settings."""
    target = stream if stream is not None else sys.stderr
    as_text = settings.format == "text" or (settings.format == "auto" and target.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=target.isatty()) if as_text else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.EventRenamer("message"),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.level.upper())),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )


@contextmanager
def carrying(**fields: Any) -> Iterator[None]:
    """Have every line that this thread logs inside the block carry `fields`, whoever logs it."""
    with structlog.contextvars.bound_contextvars(**fields):
        yield


def logger(**fields: Any) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose lines all carry `fields` (job, batch_id, …)."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(**fields)
    return bound
