"""A part of the story that happens while jobs run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Stoppable(Protocol):
    """Who is told that the part is over."""

    def set(self) -> None:
        """Asks for the stop."""
        ...


Flag = TypeVar("Flag", bound=Stoppable)


class Told(threading.Thread, Generic[Flag]):
    """Tells a part of the story while the main thread runs the jobs; then they are to stop."""

    def __init__(self, story: Callable[[], None], ended: Flag) -> None:
        super().__init__(daemon=True)
        self._story = story
        self.ended = ended
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._story()
        except Exception as error:  # noqa: BLE001  (raised again in the main thread)
            self.error = error
        finally:
            self.ended.set()
