"""What a cluster calls by name (`[project.entry-points]`): the jobs, and every command of `claimx`.

A cluster takes any return for success and even `sys.exit(0)` for a failure: these return on status 0 and raise
SystemExit on any other.
"""

from __future__ import annotations

import sys


def claimx_task() -> None:
    """Run `claimx` with this process's arguments."""
    from claimx_lib.cli.main import main

    _end(main(sys.argv[1:]))


def task_trigger() -> None:
    """Run task_trigger with this process's arguments, as jobs/task_trigger.py does."""
    _submit("task_trigger")


def task_tracking() -> None:
    """Run task_tracking with this process's arguments, as jobs/task_tracking.py does."""
    _submit("task_tracking")


def mapping_sync() -> None:
    """Run mapping_sync with this process's arguments, as jobs/mapping_sync.py does."""
    _submit("mapping_sync")


def task_creation() -> None:
    """Run task_creation with this process's arguments, as jobs/task_creation.py does."""
    _submit("task_creation")


def maintenance() -> None:
    """Run the upkeep once with this process's arguments, as jobs/maintenance.py does."""
    _submit("maintenance")


def _submit(job: str) -> None:
    from claimx_lib.runtime import submit

    _end(submit(job, sys.argv[1:]))


def _end(status: int) -> None:
    if status:
        sys.exit(status)
