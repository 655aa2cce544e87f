from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fakes.warehouse import Tables, mapping

QUESTION = """
import sys
from claimx_lib.connectors.delta_sql import DeltaSql
rows = DeltaSql(root=sys.argv[1]).rows("SELECT project_id, created_at FROM t", "claim_project_mapping")
print([row["project_id"] for row in rows], sorted({"pandas", "numpy", "pyarrow", "stamina"} & set(sys.modules)))
"""


def test_a_question_loads_nothing_slow(tmp_path: Path) -> None:
    """Rows come without libraries whose import takes longer than the question, in a command that starts anew."""
    tables = Tables(tmp_path).create("claim_project_mapping")
    tables.append("claim_project_mapping", [mapping("ABC-1", 7, key="ABC1")])
    command = [sys.executable, "-c", QUESTION, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
    assert told.stdout == "[7] []\n"
