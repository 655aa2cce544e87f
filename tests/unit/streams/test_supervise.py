from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from py4j.protocol import Py4JNetworkError

from claimx_lib.streams.context import StopFlag
from claimx_lib.streams.supervise import failure_of

GONE = (Py4JNetworkError("Answer from Java side is empty"), ConnectionRefusedError(111, "Connection refused"))


def query_that_raises(error: Exception) -> Any:
    def exception() -> None:
        raise error

    return SimpleNamespace(exception=exception)


@pytest.mark.parametrize("error", GONE, ids=lambda error: type(error).__name__)
def test_a_killed_jvm_is_told_in_one_line_with_its_cure(error: Exception) -> None:
    """Whatever a query's handle raises once its JVM has died, the job failed because the JVM is gone."""
    context: Any = SimpleNamespace(stop=StopFlag(), failures={})
    told = failure_of("task_creation", query_that_raises(error), context)
    assert told is not None
    assert "Spark's JVM is gone" in str(told)
    assert "start the job again" in str(told)


def test_a_jvm_that_goes_during_a_stop_is_no_failure() -> None:
    """A stop that was asked for may end the JVM before the query's handle is asked."""
    context: Any = SimpleNamespace(stop=StopFlag(), failures={})
    context.stop.set()
    assert failure_of("task_creation", query_that_raises(GONE[1]), context) is None


@pytest.mark.parametrize(("is_stopping", "is_failure"), [(True, False), (False, True)])
def test_a_spark_that_shuts_down_during_a_stop_is_no_failure(*, is_stopping: bool, is_failure: bool) -> None:
    """A supervisor that signals the JVM too breaks the batch off; without a stop the same words are a failure."""
    context: Any = SimpleNamespace(stop=StopFlag(), failures={})
    if is_stopping:
        context.stop.set()
    query = SimpleNamespace(exception=lambda: RuntimeError("Job 7 cancelled because SparkContext was shut down"))
    assert (failure_of("task_creation", query, context) is not None) is is_failure


def test_the_batchs_own_error_is_the_cause_of_its_failure() -> None:
    """Spark hands on the text of what a batch raised: the error itself, with the lines of our code, is kept with it."""
    raised = KeyError("gone")
    context: Any = SimpleNamespace(stop=StopFlag(), failures={"task_creation": raised})
    query: Any = SimpleNamespace(exception=lambda: RuntimeError("Python Proxy. KeyError: 'gone'"))
    failure = failure_of("task_creation", query, context)
    assert failure is not None
    assert failure.__cause__ is raised
