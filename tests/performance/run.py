"""`python tests/performance/run.py [R6 ...]`: measures, prints the table, writes docs/benchmarks/latest.json and the
table of docs/performance.md.

Each `rNN_<what>.py` beside this file has `measure() -> Result`. Entries of benchmarks that did not run stay as they
are. Ends with 1 when a goal is missed or a benchmark fails, with 2 when a name is unknown.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

sys.path.insert(0, str(ROOT))

from tests.performance import document  # noqa: E402 # found only now
from tests.performance.frame import Result  # noqa: E402 # as above


def known() -> dict[str, str]:
    """Benchmark names ("R6") and their modules, in numerical order."""
    found = {}
    for file in sorted(HERE.glob("r[0-9][0-9]_*.py")):
        found[f"R{int(file.stem[1:3])}"] = f"tests.performance.{file.stem}"
    return found


def main(wanted: list[str]) -> int:
    """Measures the wanted benchmarks, or all."""
    modules = known()
    names = [name.upper() for name in wanted] or list(modules)
    unknown = [name for name in names if name not in modules]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(modules)}", file=sys.stderr)
        return 2
    print(f"{'':4} {'goal':>18} {'figure':>8} {'range':>17}  ")
    results = [measured(name, modules[name]) for name in names]
    are_met = [result is not None and (result.holds or not result.goal.is_binding) for result in results]
    return 0 if all(are_met) else 1


def measured(name: str, module: str) -> Result | None:
    """The benchmark's result, printed and kept; None where it failed, and the others go on."""
    load_before = os.getloadavg()[0]
    try:
        result: Result = importlib.import_module(module).measure()
    except Exception:  # noqa: BLE001  whatever it is, it is shown
        traceback.print_exc()
        print(f"{name:4} FAILED", flush=True)
        return None
    print(line(result), flush=True)
    keep(result, load_before=load_before)
    return result


def line(result: Result) -> str:
    """One row of the table."""
    verdict = "" if result.holds else "  MISSED" if result.goal.is_binding else "  below"
    spread = f"{result.low:.2f} - {result.high:.2f}"
    return f"{result.name:4} {result.goal!s:>18} {result.figure:8.2f} {spread:>17}  {result.what}{verdict}"


def keep(result: Result, *, load_before: float) -> None:
    """The entry is in the file, all others as they were, and the document's table is of them all."""
    document.LATEST.parent.mkdir(parents=True, exist_ok=True)
    entries = document.entries()
    entries[result.name] = result.as_json()
    entries[result.name]["machine"]["load_before"] = round(load_before, 2)
    ordered = dict(sorted(entries.items(), key=lambda entry: int(re.sub(r"\D", "", entry[0]) or 0)))
    document.LATEST.write_text(json.dumps(ordered, indent=2) + "\n")
    document.write()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
