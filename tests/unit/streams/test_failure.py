"""Why a query ended, in one line."""

from __future__ import annotations

import pytest

from claimx_lib.domain.secret import Secret
from claimx_lib.errors import TableError
from claimx_lib.streams.failure import explained, tell

SPARK = (
    "[STREAM_FAILED] Query [id = 1, runId = 2] terminated with exception: An exception was raised by the Python Proxy. "
    'Return Message: Traceback (most recent call last):\n  File "x.py", line 1, in call\n    raise ValueError\n'
    "ValueError: the frame has no column z\n\n\n=== Streaming Query ===\nIdentifier: task_tracking [id = 1]\n"
)


@pytest.mark.parametrize(
    ("text", "says", "cure"),
    [
        (
            "org.apache.kafka.common.errors.UnknownTopicOrPartitionException: This server",
            "a topic is not there",
            "topics create",
        ),
        (
            "[KAFKA_DATA_LOSS.START_OFFSET_RESET] Some data may have been lost",
            "gone from the broker",
            "--accept-data-loss",
        ),
        (
            "org.apache.kafka.common.errors.TimeoutException: Topic x not present",
            "Kafka does not answer",
            "check the brokers",
        ),
        (
            "TimeoutException: Cannot fetch record for offset 5 in 120000 ms",
            "Kafka does not answer",
            "check the brokers",
        ),
        ("java.net.SocketTimeoutException: Read timed out", "the storage", "its network"),
        ("SdkClientException: Unable to execute HTTP request: Connection refused", "the storage", "its network"),
        ("ConnectionRefusedError: [Errno 111] Connection refused", "JVM is gone", "spark_file"),
        ("[CONCURRENT_STREAM_LOG_UPDATE] Concurrent update to the log.", "another process runs", "stop one"),
        ("Timed out waiting for a node assignment. Call: describeTopics", "Kafka does not answer", "check the brokers"),
        ("Job aborted: Lost task 1.0: java.lang.OutOfMemoryError: Java heap space", "memory is full", "driver_memory"),
        ("java.io.IOException: No space left on device", "the disk is full", "free space"),
        (
            "java.io.IOException: mkdir of /c/offsets failed: Read-only file system",
            "can't be written",
            "right to write",
        ),
        ("SparkException: Python worker exited unexpectedly (crashed)", "a Python worker", "memory"),
        ("[DELTA_FAILED_TO_MERGE_FIELDS] Failed to merge fields 'a' and 'a'", "other columns", "tables migrate"),
        (
            "TableNotFoundError: Not a Delta table: No files in log segment",
            "a Delta table is not there",
            "tables create",
        ),
        ("[DELTA_TABLE_NOT_FOUND] Delta table `x` doesn't exist", "a Delta table is not there", "tables create"),
    ],
)
def test_known_failures_get_cause_and_cure(text: str, says: str, cure: str) -> None:
    """What operators meet is told in their words, with what to do."""
    error = explained(RuntimeError(f"[STREAM_FAILED] Query terminated: x\n{text}\n\tat org.apache.spark.X(Y.java:1)"))
    assert says in str(error)
    assert cure in error.cure
    assert "\n" not in str(error)


def test_an_unknown_failure_is_its_last_python_error_in_one_line() -> None:
    """A traceback is cut to the error that it ends with."""
    assert explained(RuntimeError(SPARK)).message == "ValueError: the frame has no column z"


def test_our_own_errors_stay_as_they_are() -> None:
    """An error that has its cure already is not explained again."""
    error = TableError("no table", cure="make one")
    assert explained(error) is error


def test_a_line_never_grows_without_bound() -> None:
    """However long an exception's text is, the line stays readable."""
    assert len(str(explained(RuntimeError("x" * 100_000)))) < 500


def failed() -> Exception:
    """An error with the lines of the code that raised it."""
    try:
        {}["gone"]
    except KeyError as error:
        return error


def test_the_traceback_is_kept_for_debug(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --debug a failed job is one line; with it the lines of code of the cause follow."""
    failures = [("task_trigger", explained(failed()))]
    tell(failures, debug=False)
    assert (
        capsys.readouterr().err
        == "claimx: task_trigger: KeyError: 'gone' — run it again with --debug for the traceback\n"
    )
    tell(failures, debug=True)
    told = capsys.readouterr().err
    assert '{}["gone"]' in told
    assert "KeyError: 'gone'" in told


def test_a_traceback_shows_no_secret_that_the_code_held(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of code are shown, values of variables are not, and a secret in a message is hidden by itself."""

    def refused(token: Secret) -> None:
        held = token.reveal()
        raise ValueError(f"{token} has {len(held)} characters")

    try:
        refused(Secret("s3cr3t-s3ntin3l"))
    except ValueError as error:
        tell([("task_creation", explained(error))], debug=True)
    told = capsys.readouterr().err
    assert "in refused" in told
    assert "s3ntin3l" not in told.replace('refused(Secret("s3cr3t-s3ntin3l"))', "")
