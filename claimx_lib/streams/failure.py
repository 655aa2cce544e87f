"""Why a query ended, in one line that a person can act on."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterable

from claimx_lib.errors import ClaimxError

LONGEST = 300
KNOWN = (
    (
        re.compile(r"OutOfMemoryError|Java heap space"),
        "the JVM's memory is full",
        "raise spark.driver_memory, or lower max_records_per_batch of the job; then start it again: it goes on where it stopped",
    ),
    (
        re.compile(
            r"KAFKA_DATA_LOSS|Some data may have been lost|offsets? .*out of range|OffsetOutOfRange", re.IGNORECASE
        ),
        "records that the checkpoint goes on from are gone from the broker",
        "give --accept-data-loss to record the gap and go on, or give the job a new checkpoint",
    ),
    (
        re.compile(r"UnknownTopicOrPartition|does not host this topic|Partition .* cannot be found"),
        "a topic is not there (any more)",
        "run claimx topics create",
    ),
    (
        re.compile(r"CONCURRENT_STREAM_LOG_UPDATE|Multiple streaming queries are concurrently using"),
        "another process runs this job on the same checkpoint",
        "stop one of the two",
    ),
    (
        re.compile(
            r"kafka\S*TimeoutException|Cannot fetch record for offset|Timed out waiting for a node|bootstrap servers"
            r"|Connection to node|describeTopics"
        ),
        "Kafka does not answer",
        "check the brokers and kafka.bootstrap_servers, then start the job again: it goes on where it stopped",
    ),
    (
        re.compile(r"SaslAuthenticationException|Authentication failed|TopicAuthorizationException"),
        "Kafka refuses these credentials",
        "check kafka.sasl_username, kafka.sasl_password and the topic's rights",
    ),
    (
        re.compile(r"DELTA_TABLE_NOT_FOUND|DELTA_PATH_DOES_NOT_EXIST|not a Delta table", re.IGNORECASE),
        "a Delta table is not there (any more)",
        "run claimx tables create",
    ),
    (
        re.compile(r"No space left on device"),
        "the disk is full",
        "free space, then start the job again: it goes on where it stopped",
    ),
    (
        re.compile(r"Read-only file system|Permission denied|AccessDenied"),
        "a folder of the tables or checkpoints can't be written",
        "restore the right to write there, then start the job again: it goes on where it stopped",
    ),
    (
        re.compile(r"DELTA_FAILED_TO_MERGE_FIELDS|DELTA_MERGE_INCOMPATIBLE_DATATYPE|schema mismatch", re.IGNORECASE),
        "a table has other columns than this version writes",
        "undo the change (RESTORE TABLE), or run claimx tables migrate --dry-run",
    ),
    (
        re.compile(
            r"INVALID_OFFSET|Failed to read log file|malformed log|Incomplete log file|batch .* doesn't exist",
            re.IGNORECASE,
        ),
        "the checkpoint is damaged",
        "move it away and start the job on a new one: rows and messages are not doubled",
    ),
    (
        re.compile(r"Python worker exited unexpectedly|PYTHON_WORKER_EXITED|worker.* crashed", re.IGNORECASE),
        "a Python worker of Spark's ended: killed, or out of memory",
        "look at the machine's memory, then start the job again: it goes on where it stopped",
    ),
    (
        re.compile(
            r"SdkClientException|AbfsRestOperationException|StorageException|ServiceUnavailable|SocketTimeoutException"
        ),
        "the storage of the tables or checkpoints does not answer",
        "check it, and its network, then start the job again: it goes on where it stopped",
    ),
    (
        re.compile(
            r"Answer from Java side is empty|Py4JNetworkError|ConnectionRefusedError|SparkContext was shut down"
        ),
        "Spark's JVM is gone",
        (
            "see logging.spark_file (if it says Java heap space: raise spark.driver_memory), then start the job again: "
            "it goes on where it stopped"
        ),
    ),
)


def explained(error: BaseException) -> ClaimxError:
    """Return the error as one line: our own as they are, Spark's and Kafka's reduced to cause and cure.

    The error itself is kept as the cause, for who asks for the traceback.
    """
    if isinstance(error, ClaimxError):
        return error
    made = _in_words(error)
    made.__cause__ = error
    return made


def tell(failures: Iterable[tuple[str, ClaimxError]], *, debug: bool) -> None:
    """Print one line to standard error for each job that failed, and with `debug` its traceback, down to the cause."""
    for job, failure in failures:
        sys.stderr.write(f"claimx: {job}: {failure}\n")
        if debug:
            traceback.print_exception(failure)


def _in_words(error: BaseException) -> ClaimxError:
    text = f"{type(error).__name__}: {error}"
    for pattern, message, cure in KNOWN:
        found = pattern.search(text)
        if found:
            return ClaimxError(f"{message} ({_around(text, found.start())})", cure=cure)
    return ClaimxError(_cause(text), cure="run it again with --debug for the traceback")


def _around(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 :].split("\n", 1)[0]
    return _short(line)


def _cause(text: str) -> str:
    """Python's traceback ends with the error, Java's begins with it."""
    before_java = text.split("\n\tat ", 1)[0].split("JVM stacktrace:", 1)[0]
    lines = [line.strip() for line in before_java.splitlines() if line.strip()]
    python = [line for line in lines if re.match(r"^[\w.$]+(Error|Exception): \S", line)]
    return _short((python or lines or ["unknown"])[-1])


def _short(line: str) -> str:
    flat = " ".join(line.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"
