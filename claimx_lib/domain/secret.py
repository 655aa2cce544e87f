"""A secret that does not print itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secret:
    """Holds a secret whose repr and str are `***`; only `reveal()` gives it.

    Pickles with its value, because it travels to executors inside the function that uses it.
    """

    _value: str

    def reveal(self) -> str:
        """Return the secret itself; call it only where it is sent."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"
