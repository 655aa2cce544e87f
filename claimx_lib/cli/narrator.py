"""Tells the demo's story: with a spinner on a terminal, line by line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from claimx_lib.cli.output import printable

BOLD, PLAIN = "\033[1m", "\033[0m"


class Teller:
    """A narrator (see devstack.story.scene) that prints to standard output."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()

    def heading(self, text: str) -> None:
        print(f"\n{BOLD}{text}{PLAIN}" if self._is_terminal else f"\n{text}", flush=True)

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show what takes its time, and how long it took; no time where it failed."""
        started = time.monotonic()
        if self._is_terminal:
            from rich.console import Console

            with Console().status(f"  {text}"):
                yield
        else:
            print(f"  … {text}", flush=True)
            yield
        print(f"  {text}: {time.monotonic() - started:.1f} s", flush=True)

    def figures(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        shown = [[_cell(value) for value in row] for row in rows]
        widths = [max(len(name), *(len(row[i]) for row in shown)) for i, name in enumerate(columns)] if shown else []
        print(f"\n  {title}")
        for row, raw in zip(shown, rows, strict=True):
            cells = [
                text.rjust(width) if isinstance(value, int) else text.ljust(width)
                for text, value, width in zip(row, raw, widths, strict=True)
            ]
            print(f"    {'  '.join(cells)}".rstrip())
        print(flush=True)


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else printable(value)
