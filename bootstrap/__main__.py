"""`python3 -m bootstrap [setup | build | lock | check-lock | audit]`: the logic behind the Makefile's targets of these names."""

# No `from __future__ import annotations` and nothing newer than Python 3.6 in this file: it says what is wrong there.
import os
import shutil
import sys

MINIMUM = (3, 11)
PREFERRED = ("python3.12", "python3.11", "python3.13")


def main() -> int:
    """Runs the command under a Python that the project supports; 0 done, 1 failed, 2 wrong usage."""
    if sys.version_info < MINIMUM:
        return _run_with_newer_python()
    from bootstrap.commands import run

    return run(sys.argv[1:])


def _run_with_newer_python() -> int:
    for name in PREFERRED:
        found = shutil.which(name)
        if found:
            os.execv(found, [found, "-m", "bootstrap", *sys.argv[1:]])  # noqa: S606  (no shell is wanted)
    sys.stderr.write(
        f"setup: this is Python {sys.version_info[0]}.{sys.version_info[1]}, the project needs 3.11 or newer. "
        "Cure: install one (apt install python3.11 python3.11-venv, brew install python@3.12) "
        "or name it: make PYTHON=/path/to/python3.12\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
