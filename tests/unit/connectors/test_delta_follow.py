"""A table that is followed, whatever others do to it meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from claimx_lib.connectors.delta import Warehouse
from claimx_lib.connectors.delta_follow import FollowedTable
from claimx_lib.connectors.delta_open import opened
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.errors import TableError


def append(folder: Path, *numbers: int) -> None:
    write_deltalake(folder, pa.table({"n": pa.array(numbers, pa.int64())}), mode="append")


def numbers(table: FollowedTable) -> list[int]:
    return sorted(row["n"] for row in table.ask("SELECT n FROM t"))


def test_rows_of_others_are_seen(tmp_path: Path) -> None:
    """Each question is answered from the newest version."""
    append(tmp_path / "t", 1)
    table = FollowedTable(str(tmp_path / "t"))
    assert numbers(table) == [1]
    append(tmp_path / "t", 2)
    assert numbers(table) == [1, 2]


def test_a_table_made_anew_is_not_mistaken_for_the_one_before(tmp_path: Path) -> None:
    """Rows of a table that was lost are not there, also where the new one has fewer versions."""
    append(tmp_path / "t", 1)
    append(tmp_path / "t", 2)
    table = FollowedTable(str(tmp_path / "t"))
    assert numbers(table) == [1, 2]
    shutil.rmtree(tmp_path / "t")
    append(tmp_path / "t", 3)
    assert numbers(table) == [3]


def test_a_table_that_is_gone_is_told(tmp_path: Path) -> None:
    """One line with its cure; once the table is back it is followed again."""
    append(tmp_path / "t", 1)
    table = FollowedTable(str(tmp_path / "t"))
    assert numbers(table) == [1]
    (tmp_path / "t").rename(tmp_path / "aside")
    with pytest.raises(TableError, match="no such Delta table — run claimx tables create"):
        numbers(table)
    (tmp_path / "aside").rename(tmp_path / "t")
    assert numbers(table) == [1]


@pytest.mark.parametrize("garbage", [b"", b"no Parquet"])
def test_a_damaged_checkpoint_is_told_and_the_cure_cures(tmp_path: Path, garbage: bytes) -> None:
    """One line names the table; with the damaged file out of the way every row is there."""
    for number in range(3):
        append(tmp_path / "t", number)
    DeltaTable(tmp_path / "t").create_checkpoint()
    log = tmp_path / "t" / "_delta_log"
    (damaged,) = log.glob("*.checkpoint.parquet")
    damaged.write_bytes(garbage)
    with pytest.raises(TableError, match=r"t: a checkpoint of its Delta log is damaged .* out of its _delta_log"):
        opened(str(tmp_path / "t"))
    damaged.unlink()
    (log / "_last_checkpoint").unlink()
    assert numbers(FollowedTable(str(tmp_path / "t"))) == [0, 1, 2]


def test_only_what_is_at_hand_is_followed() -> None:
    """A table behind a URI, Databricks' own file system or a catalog is read by Spark; `file:` is a folder of this machine."""
    roots = ("/data/x", "file:/data/y", "file:///data/z", "s3://bucket/x", "dbfs:/claims", "main.claims")
    found = [Warehouse(root=root).folder for root in roots]
    assert found == [Path("/data/x"), Path("/data/y"), Path("/data/z"), None, None, None]


def test_a_file_uri_is_read_without_a_jvm(tmp_path: Path) -> None:
    """As Spark takes it: with one slash or with three."""
    write_deltalake(str(tmp_path / "t"), pa.table({"n": [1]}))
    for root in (f"file:{tmp_path}", f"file://{tmp_path}"):
        assert list(DeltaSql(root=root).rows("SELECT n FROM t", "t")) == [{"n": 1}]
