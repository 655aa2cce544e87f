"""task_tracking: validates, enriches and appends tracked events; `spark-submit jobs/task_tracking.py --env ENV [--available-now]`."""

from __future__ import annotations

import sys

from claimx_lib.runtime import submit

if __name__ == "__main__":
    status = submit("task_tracking", sys.argv[1:])
    if status:  # a cluster takes even sys.exit(0) for a failure
        sys.exit(status)
