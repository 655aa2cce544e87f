"""`claimx`: every command, its exit status, and the one line that a failure prints."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from claimx_lib.errors import ClaimxError

DEBUG = "--debug"
FAILED = 1
STOPPED = "stopped"
SINGLE = ("demo", "run", "backfill", "status", "explain", "console", "reenrich", "erase", "doctor")
OF_DEVSTACK = {"demo", "dev"}
GROUPS = ("dev", "topics", "tables", "config", "mapping", "dlq")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 done, 1 failed, 2 wrong usage or settings; a failure is one line unless --debug is given.

    A command finds in its context (`obj`) whether it is: jobs that fail do not end it, and it tells of each itself.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in given
    try:
        with _interruptible():
            words = [a for a in given if a != DEBUG]
            status = application()(words, prog_name="claimx", standalone_mode=False, obj=debug)
        return status if isinstance(status, int) else 0
    except ClaimxError as error:
        return _failed(str(error), error.exit_status, debug=debug)
    except typer.TyperException as error:
        return _misused(error, debug=debug)
    except (typer.Abort, KeyboardInterrupt):
        return _failed(STOPPED, FAILED, debug=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001  (the last line of defence: a person gets a line, not a traceback)
        return _failed(_unforeseen(error), FAILED, debug=debug)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends a command with its one line, also while Spark is at work."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupted(*_: object) -> None:
    """Amid a call to Spark's JVM nothing can be tidied any more: all that was started ends with this process."""
    pyspark = sys.modules.get("pyspark")
    if pyspark is None or pyspark.SparkContext._active_spark_context is None:  # noqa: SLF001
        raise KeyboardInterrupt
    os.write(sys.stderr.fileno(), f"claimx: {STOPPED}\n".encode())
    os._exit(FAILED)


def _failed(line: str, status: int, *, debug: bool) -> int:
    if debug and sys.exc_info()[0] is not None:
        raise  # noqa: PLE0704  (only called while an exception is handled)
    print(f"claimx: {line}", file=sys.stderr)
    return status


def _unforeseen(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror} — mend that, then try again"
    line = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {line} — run it again with --debug for the traceback"


def _misused(error: typer.TyperException, *, debug: bool) -> int:
    """A group without a command gets its help, as it is."""
    if error.format_message().startswith("Usage:"):
        print(error.format_message(), file=sys.stderr)
        return error.exit_code
    return _failed(_usage(error), error.exit_code, debug=debug)


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "claimx"
    return f"{' '.join(error.format_message().split())} — see {where} --help"


def application() -> typer.Typer:
    """Return the command line with every command that is there."""
    app = typer.Typer(
        name="claimx",
        help="iTel cabinet task tracking and XACT-to-ClaimX task creation: run it, watch it, settle what waits.",
        add_completion=False,
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    for name in SINGLE:
        if _is_shipped(name):
            app.command(name)(importlib.import_module(f"claimx_lib.cli.{name}").command)
    for name in GROUPS:
        if _is_shipped(name):
            app.add_typer(importlib.import_module(f"claimx_lib.cli.{name}").app, name=name)
    return app


def _is_shipped(name: str) -> bool:
    """The wheel for clusters comes without the development stack, and so without its commands."""
    return name not in OF_DEVSTACK or importlib.util.find_spec("claimx_lib.devstack") is not None


def _root(
    context: typer.Context,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of a failure; may stand anywhere.")] = False,
) -> None:
    del debug  # taken out of the arguments by main(), declared here for the help text
    if context.invoked_subcommand is None:
        print(context.get_help())


if __name__ == "__main__":
    sys.exit(main())
