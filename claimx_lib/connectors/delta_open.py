"""A Delta table read without a JVM; what is wrong with it in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimx_lib.errors import TableError

if TYPE_CHECKING:
    from deltalake import DeltaTable


def opened(location: str) -> DeltaTable:
    """Return the table at a path or URI; TableError where it is not there, or a checkpoint of its log is damaged."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        return DeltaTable(location)
    except TableNotFoundError:
        raise TableError(f"{location}: no such Delta table", cure="run claimx tables create") from None
    except DeltaError as error:
        if not any(word in str(error) for word in ("Invalid Checkpoint", "Parquet error")):
            raise
        raise TableError(
            f"{location}: a checkpoint of its Delta log is damaged ({str(error).splitlines()[0]})",
            cure="move the newest *.checkpoint*.parquet and _last_checkpoint out of its _delta_log, which is read without them",
        ) from None
