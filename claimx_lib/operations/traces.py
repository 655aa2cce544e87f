"""A search in the files themselves, whatever a table's newest version says: what is found there is still there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

LOG = "_delta_log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A file that holds one of the texts; `is_log` tells a table's log, which names files by their smallest values."""

    file: str
    text: str
    is_log: bool


def traces_of(folder: Path, texts: frozenset[str]) -> list[Trace]:
    """Return every file below the folder that holds one of the texts, each with the first text found.

    A Parquet file is opened, since its bytes are compressed; in any other file the bytes are searched.
    """
    return [
        Trace(file=str(path.relative_to(folder)), text=text, is_log=LOG in path.parts)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (text := _found(path, texts)) is not None
    ]


def _found(path: Path, texts: frozenset[str]) -> str | None:
    if path.suffix == ".parquet":
        return _in_columns(path, texts)
    content = path.read_bytes()
    return next((text for text in sorted(texts) if text.encode() in content), None)


def _in_columns(path: Path, texts: frozenset[str]) -> str | None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for column in batch.columns:
                for leaf in _leaves(column):
                    for text in sorted(texts):
                        if _holds(leaf, text):
                            return text
    return None


def _leaves(column: pa.Array) -> Iterator[pa.Array]:
    """The columns of texts and bytes below a column, whatever it is nested in."""
    import pyarrow as pa

    if pa.types.is_struct(column.type):
        for number in range(column.type.num_fields):
            yield from _leaves(column.field(number))
    elif pa.types.is_list(column.type) or pa.types.is_map(column.type):
        inner = column.values if pa.types.is_list(column.type) else column.items
        yield from _leaves(inner)
    elif pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        yield column
    elif pa.types.is_dictionary(column.type):
        yield from _leaves(column.dictionary)


def _holds(leaf: pa.Array, text: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring(leaf, text)).as_py())
