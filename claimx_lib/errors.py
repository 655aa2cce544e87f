"""The errors that end a command: each says what is wrong, where, and what to do."""

from __future__ import annotations

LONGEST_LINE = 300


class ClaimxError(Exception):
    """A failure that a person can act on; rendered as one line, exit status 1.

    `message` says what is wrong and where, `cure` what to do about it.
    """

    exit_status = 1

    def __init__(self, message: str, *, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message} — {self.cure}" if self.cure else self.message


class ConfigError(ClaimxError):
    """A setting is missing, unknown or wrong; exit status 2."""

    exit_status = 2


class SettingsError(ConfigError):
    """One or more settings are wrong; `problems` holds a line for each, with its cure."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        count = f"{len(problems)} settings are wrong: " if len(problems) > 1 else ""
        super().__init__(count + " | ".join(problems))


class UsageError(ClaimxError):
    """A command was called with words it does not take; exit status 2."""

    exit_status = 2


class VersionError(ClaimxError):
    """The engine on this machine is not the one that the product is tested on; exit status 2."""

    exit_status = 2


class TokenRefused(ClaimxError):
    """ClaimX answered 401: nothing more is sent with this token."""


class StopRequested(ClaimxError):
    """A stop was asked for before this batch had any effect; never a failure."""

    exit_status = 0


class TableError(ClaimxError):
    """A Delta table is absent, or of another schema version than this code."""


class KafkaError(ClaimxError):
    """The broker can't be reached, or a topic or offset range isn't there."""


class NotFound(ClaimxError):
    """What was asked for (a claim, a dead letter, a job) is not there."""


class DevStackError(ClaimxError):
    """A process of the development stack doesn't start, doesn't answer or isn't there."""


def in_a_line(error: Exception) -> str:
    """Return any failure as one line: ours as it stands, another's with its class, cut to a length that can be read."""
    if isinstance(error, ClaimxError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:LONGEST_LINE]
