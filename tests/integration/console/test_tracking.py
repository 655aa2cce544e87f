from __future__ import annotations

import re
from datetime import timedelta

from tests.fakes.warehouse import NOW, tracked

TABLE = "itel_cabinet_task_tracking"


def text_of(browser, path: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", browser.get(path).text))


def test_a_task_stands_where_its_newest_event_up_to_now_left_it(browser, tables) -> None:
    """An event of a time to come is told in the timeline, and ends no stay before it is there."""
    ahead = NOW + timedelta(days=365 * 50)
    tables.append(TABLE, [tracked(2, "assigned", NOW - timedelta(hours=3)), tracked(2, "completed", ahead)])
    page = text_of(browser, "/tracking/tasks/2")
    assert re.search(r"Time in each status .* assigned now 3 h", page)
    assert "completed now" not in page
    assert "CUSTOM_TASK_COMPLETED" in page
    assert "the newest event 3 h ago" in text_of(browser, "/tracking")
