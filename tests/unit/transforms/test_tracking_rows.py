"""Which new fields a batch brings into the table."""

from __future__ import annotations

from pyspark.sql import Row

from claimx_lib.schemas.tables import TRACKING
from claimx_lib.transforms.tracking_rows import fits_of, struct_texts


def test_an_event_of_many_fields_takes_none_of_the_details() -> None:
    """The limit is one for all structs; who brings more than it is served last, and the order of columns stays."""
    texts = struct_texts(project_lookup=False)
    many = ", ".join(f"k{n}: BIGINT" for n in range(300))
    shapes = {"original_event": f"OBJECT<{many}>", "project_data": None, "claimx_task_full": "OBJECT<room: STRING>"}
    figures = Row(**{f"shape_{s}": shape for s, shape in shapes.items()}, **{f"odd_{s}": 0 for s in texts})
    fits = fits_of(figures, texts, TRACKING.schema, max_new_fields=200)
    assert list(fits) == list(texts)
    assert fits["claimx_task_full"].evolution.added == ("room",)
    assert len(fits["original_event"].evolution.added) == 199
