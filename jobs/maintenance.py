"""maintenance: retention, OPTIMIZE, VACUUM and repair of failed enrichments, once; `spark-submit jobs/maintenance.py --env ENV`."""

from __future__ import annotations

import sys

from claimx_lib.runtime import submit

if __name__ == "__main__":
    status = submit("maintenance", sys.argv[1:])
    if status:  # a cluster takes even sys.exit(0) for a failure
        sys.exit(status)
