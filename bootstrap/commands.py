"""The commands behind the Makefile: each ends with 0, or with one line that says what is wrong and what to do."""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bootstrap import audit, build, jars, java, layout, locks, python_env
from bootstrap.report import SetupError, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bootstrap.java import Jdk
    from bootstrap.layout import Layout


def run(arguments: Sequence[str]) -> int:
    """Carries out one command; 0 done, 1 failed, 2 wrong usage."""
    commands = {"setup": _setup, "build": _build, "lock": _lock, "check-lock": _check_lock, "audit": _audit}
    name = arguments[0] if arguments else "setup"
    if name not in commands or len(arguments) > 1:
        print(f"usage: python3 -m bootstrap [{' | '.join(commands)}]", file=sys.stderr)
        return 2
    try:
        return commands[name](layout.of_checkout())
    except SetupError as error:
        print(f"{'audit' if name == 'audit' else 'setup'}: {error}", file=sys.stderr)
    except OSError as error:
        print(f"setup: {error}. Cure: mend that, then run `make setup` again", file=sys.stderr)
    except KeyboardInterrupt:
        print("setup: stopped; `make setup` goes on where it stopped", file=sys.stderr)
    return 1


def _setup(checkout: Layout) -> int:
    with _one_at_a_time(checkout):
        _ensure_all(checkout)
    return 0


def _ensure_all(checkout: Layout) -> Jdk:
    python_env.ensure_environment(checkout)
    jdk = java.ensure_jdk(checkout, os.environ)
    jars.ensure_jars(checkout, jdk, os.environ)
    return jdk


def _lock(checkout: Layout) -> int:
    with _one_at_a_time(checkout):
        python_env.ensure_environment(checkout)
        jdk = java.ensure_jdk(checkout, os.environ)
        locks.make_locks(checkout, jdk)
    return 0


def _build(checkout: Layout) -> int:
    build.build(checkout)
    return 0


def _check_lock(checkout: Layout) -> int:
    found = locks.disagreements(checkout)
    for line in found:
        print(f"{line}: run `make lock`", file=sys.stderr)
    return 1 if found else 0


def _audit(checkout: Layout) -> int:
    found = audit.audit(checkout, os.environ)
    for line in found.vulnerabilities:
        print(line, file=sys.stderr)
    print(f"{found.answered} packages looked up, {len(found.vulnerabilities)} vulnerabilities known")
    return 1 if found.vulnerabilities else 0


@contextmanager
def _one_at_a_time(checkout: Layout) -> Iterator[None]:
    """Two `make` calls in one checkout wait for each other."""
    checkout.cache.mkdir(parents=True, exist_ok=True)
    with (checkout.cache / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another `make` in this checkout")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
