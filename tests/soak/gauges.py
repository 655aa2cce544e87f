"""What is read off a running driver every ten seconds: memory, threads, files, time a batch. Nothing here stops it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from claimx_lib.config.toolchain import java_home
from tests.soak.world import SoakWorld

Sample = dict[str, float]
T = TypeVar("T")
MB = 1024 * 1024
SELDOM_SECONDS = 60.0
"""Between two looks that cost something: a full collection of the JVM's heap, a walk through all files."""
_USED = re.compile(r"(?:heap|generation)\s+total \d+K, used (\d+)K")
_CODE = re.compile(r"^CodeHeap .* used=(\d+)Kb", re.MULTILINE)
_METASPACE = re.compile(r"Metaspace\s+used (\d+)K")
_BATCHES = re.compile(r'^claimx_stream_batch_duration_seconds_(sum|count)\{job="(\w+)"\} (\S+)', re.MULTILINE)
_LAG = re.compile(r"^claimx_stream_lag_records\{[^}]*\} (\S+)", re.MULTILINE)


@dataclass(slots=True)
class Gauges:
    """Of one driver, whose process id is `pid`."""

    world: SoakWorld
    pid: int
    spent: dict[int, float] = field(default_factory=dict)
    before: dict[str, float] = field(default_factory=dict)
    seldom_at: float = 0.0

    def sample(self) -> Sample:
        """Everything that can be read at this moment; what can't be is left out."""
        found: Sample = {}
        with contextlib.suppress(psutil.Error):
            found |= self._processes()
        found |= self._batches()
        if time.monotonic() >= self.seldom_at:
            self.seldom_at = time.monotonic() + SELDOM_SECONDS
            found |= self._heap(found.get("jvm_mb")) | self._files()
        return found

    def _processes(self) -> Sample:
        driver = psutil.Process(self.pid)
        below = driver.children(recursive=True)
        jvms = [one for one in below if "java" in _of(one, psutil.Process.name, "")]
        workers = [one for one in below if one not in jvms]
        for one in (driver, *below):
            self.spent[one.pid] = max(self.spent.get(one.pid, 0.0), _of(one, _processor_seconds, 0.0))
        return {
            "python_mb": _rss(driver),
            "workers_mb": sum(map(_rss, workers)),
            "workers": len(workers),
            "jvm_mb": sum(map(_rss, jvms)),
            "python_threads": driver.num_threads(),
            "jvm_threads": sum(_of(one, psutil.Process.num_threads, 0) for one in jvms),
            "open_files": sum(_of(one, psutil.Process.num_fds, 0) for one in (driver, *below)),
        }

    def _batches(self) -> Sample:
        """Batches since the sample before, how long one took, and what one cost the processor."""
        now = {"spent": sum(self.spent.values())}
        with contextlib.suppress(OSError):
            page = urllib.request.urlopen(f"http://127.0.0.1:{self.world.metrics_port}/metrics", timeout=5).read()
            told = page.decode()
            now |= {f"{job}_{what}": float(value) for what, job, value in _BATCHES.findall(told)}
            now["lag"] = sum(map(float, _LAG.findall(told)))
        before, self.before = self.before, now
        done = {job: _step(before, now, f"{job}_count") for job in self.world.world.jobs}
        found = {f"batch_seconds_{job}": _step(before, now, f"{job}_sum") / n for job, n in done.items() if n}
        batches = sum(done.values())
        if batches:
            found["processor_seconds_a_batch"] = _step(before, now, "spent") / batches
        return found | {"batches": batches} | ({"lag": now["lag"]} if "lag" in now else {})

    def _heap(self, whole: float | None) -> Sample:
        """What lives in the JVM after a full collection: the rest of the heap says nothing about leaks.

        Beside it compiled code, and the `whole` process less that: code grows for hours, up to what the JVM reserves for it.
        """
        told = _jcmd(self.pid, self.world.local / "jcmd.txt")
        used = [int(kb) for kb in _USED.findall(told)]
        classes, code = _METASPACE.search(told), sum(map(int, _CODE.findall(told))) / 1024
        return {
            **({"jvm_heap_mb": sum(used) / 1024} if used else {}),
            **({"jvm_classes_mb": int(classes[1]) / 1024} if classes else {}),
            **({"jvm_code_mb": code} if code else {}),
            **({"jvm_but_code_mb": whole - code} if code and whole else {}),
        }

    def _files(self) -> Sample:
        settings = self.world.world.settings.storage
        kept = list(_below(Path(settings.warehouse)))
        logs = sum("_delta_log" in file.parts for file in kept)
        return {
            "spark_files": sum(1 for _ in _below(self.world.local)),
            "checkpoint_files": sum(1 for _ in _below(Path(settings.checkpoints))),
            "table_log_files": logs,
            "table_data_files": len(kept) - logs,
        }


def _step(before: Sample, now: Sample, name: str) -> float:
    return now[name] - before[name] if name in before and name in now else 0.0


def _of(process: psutil.Process, read: Callable[[psutil.Process], T], otherwise: T) -> T:
    """What is read of a process; of one that has ended meanwhile, something else."""
    with contextlib.suppress(psutil.Error):
        return read(process)
    return otherwise


def _rss(process: psutil.Process) -> float:
    return _of(process, lambda one: one.memory_info().rss / MB, 0.0)


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _below(folder: Path) -> Iterator[Path]:
    """Files; what goes away during the walk is none."""
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in names)


def _jcmd(driver: int, script: Path) -> str:
    """The answers to a full collection and a look at heap, classes and code; empty where there is no jcmd or no JVM."""
    script.write_text("GC.run\nGC.heap_info\nCompiler.codecache\n")
    home = java_home()
    program = str(home / "bin" / "jcmd") if home else "jcmd"
    with contextlib.suppress(psutil.Error, OSError, subprocess.SubprocessError):
        for child in psutil.Process(driver).children(recursive=True):
            if "java" in child.name():
                words = [program, str(child.pid), "-f", str(script)]
                return subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout
    return ""
