"""Log lines: JSON for machines, text on a terminal."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator

import pytest
import structlog

from claimx_lib.config.settings import Logging
from claimx_lib.observability.logs import carrying, configure_logs, logger


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """The process's log is configured as before when the test is over."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def settings(form: str, level: str = "info") -> Logging:
    return Logging(level=level, format=form, spark_file=None)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object():
    """Level, UTC time, message and the fields given, on one line, whatever the message holds."""
    stream = io.StringIO()
    configure_logs(settings("json"), stream=stream)
    logger(job="task_trigger").info('two\nlines and a "quote"', event_id="e1")
    (line,) = lines(stream)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {"level": "info", "message": 'two\nlines and a "quote"', "job": "task_trigger", "event_id": "e1"}


def test_lines_of_a_batch_name_job_and_batch():
    """Whoever logs inside the block names job and batch; what is bound nearer wins; afterwards nothing is left."""
    stream = io.StringIO()
    configure_logs(settings("json"), stream=stream)
    with carrying(job="task_creation", batch_id=7):
        logger().info("a")
        logger(batch_id=8).info("b")
    logger().info("c")
    told = [(line["message"], line.get("job"), line.get("batch_id")) for line in lines(stream)]
    assert told == [("a", "task_creation", 7), ("b", "task_creation", 8), ("c", None, None)]


def test_batches_of_two_queries_do_not_mix():
    """Two threads, two jobs: a line names the job of its own thread."""
    stream = io.StringIO()
    configure_logs(settings("json"), stream=stream)
    both = threading.Barrier(2)

    def batch(job: str) -> None:
        with carrying(job=job):
            both.wait(timeout=60)
            logger().info(job)

    threads = [threading.Thread(target=batch, args=[job]) for job in ("task_trigger", "task_tracking")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted((line["message"], line["job"]) for line in lines(stream)) == [
        ("task_tracking", "task_tracking"),
        ("task_trigger", "task_trigger"),
    ]


@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO(), True), (Terminal(), False)])
def test_auto_is_text_on_a_terminal_only(stream, is_json):
    """`auto` gives people text and everybody else JSON."""
    configure_logs(settings("auto"), stream=stream)
    logger(job="mapping_sync").info("mapped")
    assert stream.getvalue().startswith("{") == is_json
    assert "mapped" in stream.getvalue()


def test_what_is_below_the_level_is_not_written():
    """`warning` leaves out what is merely informative."""
    stream = io.StringIO()
    configure_logs(settings("json", "warning"), stream=stream)
    logger().info("quiet")
    logger().warning("loud")
    assert [line["message"] for line in lines(stream)] == ["loud"]
