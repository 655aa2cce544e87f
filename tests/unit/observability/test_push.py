"""What a run leaves at a Pushgateway: a short one at its end, a continuous one while it goes on."""

from __future__ import annotations

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest

from claimx_lib.config.load import load
from claimx_lib.config.settings import Metrics as MetricsSettings
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.observability.logs import configure_logs
from claimx_lib.observability.metrics import Metrics
from claimx_lib.observability.push import push, pushed
from tests.fakes.pushgateway import Pushgateway


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    """A receiver that behaves as a Pushgateway."""
    with Pushgateway() as running:
        yield running


CONSUMED = "itel_worker_messages_consumed_total"


def settings(url: str, *, push_seconds: float = 0.05) -> MetricsSettings:
    return load(sets=[f"metrics.pushgateway_url={url}", f"metrics.push_seconds={push_seconds}"]).metrics


def consumed(gateway: Pushgateway) -> dict[tuple[tuple[str, str], ...], float]:
    return gateway.values(CONSUMED)


def run(*, records: int) -> Metrics:
    """The figures of one short run of two jobs."""
    metrics = Metrics()
    metrics.count("itel_worker_messages_consumed_total", records)
    metrics.observe("itel_worker_processing_latency_seconds", 0.7)
    for job in ("task_trigger", "task_tracking"):
        metrics.set("claimx_stream_lag_records", records, job=job)
        metrics.observe("claimx_stream_batch_duration_seconds", 1.5, job=job)
    return metrics


def test_each_job_keeps_its_series(gateway):
    """The gateway's `job` label, which replaces ours, is our own job's name."""
    assert push(run(records=7).registry, settings(gateway.url), run="all") is None
    assert gateway.values("claimx_stream_lag_records") == {
        (("job", "task_tracking"), ("run", "all")): 7,
        (("job", "task_trigger"), ("run", "all")): 7,
    }
    assert gateway.values("itel_worker_messages_consumed_total") == {(("job", "claimx"), ("run", "all")): 7}


def test_counters_go_on_where_the_last_run_left_them(gateway):
    """Two runs that count the same are seen as two, in counters and histograms; a gauge is as it is now."""
    for _ in range(3):
        assert push(run(records=7).registry, settings(gateway.url), run="all") is None
    assert list(gateway.values("itel_worker_messages_consumed_total").values()) == [21]
    assert list(gateway.values("itel_worker_processing_latency_seconds_count").values()) == [3]
    assert list(gateway.values("claimx_stream_batch_duration_seconds_sum").values()) == [4.5, 4.5]
    assert list(gateway.values("claimx_stream_lag_records").values()) == [7, 7]


def test_a_histogram_stays_one(gateway):
    """Buckets of several runs add up to a histogram whose last bucket is its count."""
    for _ in range(2):
        push(run(records=1).registry, settings(gateway.url), run="all")
    buckets = {dict(key)["le"]: v for key, v in gateway.values("itel_worker_processing_latency_seconds_bucket").items()}
    assert (buckets["0.5"], buckets["1.0"], buckets["+Inf"]) == (0, 2, 2)


def test_two_schedules_do_not_overwrite_each_other(gateway):
    """Runs of other jobs on a schedule of their own have figures of their own."""
    push(run(records=5).registry, settings(gateway.url), run="task_tracking")
    push(run(records=2).registry, settings(gateway.url), run="task_creation")
    assert sorted(gateway.values("itel_worker_messages_consumed_total").values()) == [2, 5]


def test_a_gateway_without_a_scheme_is_taken_as_http(gateway):
    """`host:port` is enough, as elsewhere."""
    assert push(run(records=1).registry, settings(gateway.url.removeprefix("http://")), run="all") is None
    assert gateway.groups


def test_a_gateway_that_is_down_fails_no_run(free_port):
    """A push that finds nobody is told, and nothing is raised; without a gateway nothing is pushed."""
    problem = push(Metrics().registry, settings(f"http://127.0.0.1:{free_port}"), run="all")
    assert problem is not None
    assert "refused" in problem
    assert push(Metrics().registry, load().metrics, run="all") is None


def test_what_is_no_gateway_fails_no_run():
    """Whatever answers there, if it is no HTTP at all, is told in one line."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        other.settimeout(5)
        with _answering(other, b"+PONG\r\n"):
            problem = push(Metrics().registry, settings(f"127.0.0.1:{port}"), run="all")
    assert problem is not None
    assert "\n" not in problem


@contextmanager
def _answering(server: socket.socket, with_what: bytes) -> Iterator[None]:
    """Whoever connects is sent these bytes, and hung up on."""

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(with_what)

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("place", ["127.0.0.1:{port}", "127.0.0.1:no-port"])
def test_a_password_in_the_url_is_sent_and_told_to_nobody(place):
    """`http://name:password@host` is basic authentication; where it is refused, or the URL is wrong, no line has it."""
    right = "Basic " + b64encode(b"me:s3cr3t/").decode()
    with Pushgateway(authorization=right) as gateway:
        where = place.format(port=gateway.url.rpartition(":")[2])
        problem = push(run(records=1).registry, settings(f"http://me:s3cr3t%2F@{where}"), run="all")
        refused = push(run(records=1).registry, settings(f"http://me:wr0ng@{where}"), run="all")
    assert (problem is None) == bool(gateway.groups) == ("{port}" in place)
    assert refused is not None
    assert "s3cr3t" not in str(problem)
    assert "wr0ng" not in refused


def test_a_continuous_run_is_pushed_while_it_goes_on_and_at_its_end(gateway):
    """Its figures come again and again, as an instance of its own; the last push has the last figures, counted once."""
    metrics = run(records=7)
    with pushed(metrics.registry, settings(gateway.url), run="all"):
        wait_until(lambda: gateway.pushes > 9, what="three rounds of three groups", timeout_seconds=10)
        assert consumed(gateway) == {(("instance", "continuous"), ("job", "claimx"), ("run", "all")): 7}
        metrics.count(CONSUMED, 5)
    assert list(consumed(gateway).values()) == [12]
    at_end = gateway.pushes
    assert push(run(records=1).registry, settings(gateway.url), run="all") is None
    assert sorted(consumed(gateway).values()) == [1, 12], "a short run of the same jobs is another group"
    assert gateway.pushes == at_end + 3


def test_a_continuous_run_goes_on_from_the_counters_of_the_one_before(gateway):
    """A restart that counts more than before its first scrape is no reset that hides it."""
    for _ in range(2):
        with pushed(run(records=7).registry, settings(gateway.url, push_seconds=60), run="all"):
            pass
    assert list(consumed(gateway).values()) == [14]


def test_a_continuous_run_that_is_scraped_pushes_nothing(gateway):
    """With `push_seconds: 0` nothing is counted twice by a Prometheus that scrapes both."""
    with pushed(run(records=7).registry, settings(gateway.url, push_seconds=0), run="all"):
        pass
    assert gateway.groups == {}


def test_a_gateway_that_hangs_or_is_gone_disturbs_no_run(free_port):
    """The work goes on at once while a push waits; each trouble is one line, also when every push fails."""
    told = StringIO()
    configure_logs(load(sets=["logging.format=json"]).logging, stream=told)
    deaf = socket.create_server(("127.0.0.1", 0))
    began = time.monotonic()
    with pushed(Metrics().registry, settings(f"127.0.0.1:{deaf.getsockname()[1]}"), run="all"):
        assert time.monotonic() - began < 1
        deaf.close()
    assert time.monotonic() - began < 4
    with pushed(Metrics().registry, settings(f"127.0.0.1:{free_port}", push_seconds=0.001), run="all"):
        pass
    lines = [json.loads(line)["message"] for line in told.getvalue().splitlines()]
    assert lines == ["metrics are not pushed", "metrics are not pushed"]
