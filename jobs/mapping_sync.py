"""mapping_sync: keeps the ClaimX project of each claim; `spark-submit jobs/mapping_sync.py --env ENV [--available-now]`."""

from __future__ import annotations

import sys

from claimx_lib.runtime import submit

if __name__ == "__main__":
    status = submit("mapping_sync", sys.argv[1:])
    if status:  # a cluster takes even sys.exit(0) for a failure
        sys.exit(status)
