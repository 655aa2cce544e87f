"""What `spark-submit jobs/<job>.py` takes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def job_arguments(job: str, arguments: Sequence[str]) -> argparse.Namespace:
    """Return the words as they are meant; wrong ones end the process with status 2 and argparse's own words."""
    parser = argparse.ArgumentParser(prog=f"jobs/{job}.py", description=f"Runs {job}.")
    parser.add_argument("--env", default="local", help="conf/<ENV>.yaml over conf/base.yaml")
    parser.add_argument("--config", type=Path, help="a settings file over both")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting over all files")
    parser.add_argument("--available-now", action="store_true", help="process what is there and end")
    parser.add_argument("--accept-data-loss", action="store_true", help="record a gap in the topic and go on")
    parser.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    return parser.parse_args(arguments)
