"""The receiver as one process: both servers on the loopback interface, until it is told to stop."""

import asyncio
import logging
import signal
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tidegate.telemetry.receiver.grpc_server import grpc_server
from tidegate.telemetry.receiver.http_server import http_app
from tidegate.telemetry.receiver.intake import SpanIntake
from tidegate.telemetry.receiver.series import SeriesBoard
from tidegate.telemetry.receiver.store import Retention, SpanStore

HOST = "127.0.0.1"
"""Spans aren't secret and aren't public: the receiver serves its own machine. Elsewhere, run a Collector."""
_STOP_GRACE_S = 2.0


class ReceiverCannotStart(Exception):
    """A port or the store can't be had. The message is fit for a person."""


@dataclass(frozen=True, slots=True)
class ReceiverOptions:
    """What the process is told."""

    grpc_port: int
    """0 takes any free one."""
    http_port: int
    """0 takes any free one."""
    store: Path
    """The SQLite file; its folder is made."""
    retention: Retention
    """How much is kept."""


async def run_receiver(options: ReceiverOptions) -> None:
    """Serves until SIGTERM or SIGINT. Prints one line when it is ready.

    Raises:
        ReceiverCannotStart: Nothing was started.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    intake = SpanIntake(_open_store(options))
    board = SeriesBoard()
    # Access logs would be one line per export.
    runner = web.AppRunner(http_app(intake, board), access_log=None, auto_decompress=False)
    server = grpc_server(intake, board)
    try:
        await runner.setup()
        try:
            grpc_port = server.add_insecure_port(f"{HOST}:{options.grpc_port}")
            await web.TCPSite(runner, HOST, options.http_port, reuse_port=False).start()
        except (RuntimeError, OSError) as error:
            ports = f"{options.grpc_port} (gRPC) and {options.http_port} (HTTP)"
            raise ReceiverCannotStart(f"Ports {ports} of {HOST} can't both be had.") from error
        await server.start()
        expiry = asyncio.create_task(intake.keep_bounded())
        http_port = runner.addresses[0][1]
        print(f"ready grpc={HOST}:{grpc_port} http={HOST}:{http_port} store={options.store}", flush=True)  # noqa: T201
        await stop.wait()
        expiry.cancel()
        with suppress(asyncio.CancelledError):
            await expiry
    finally:
        await server.stop(_STOP_GRACE_S)
        await runner.cleanup()
        intake.close()
        logging.getLogger(__name__).info("receiver_stopped")


def _open_store(options: ReceiverOptions) -> SpanStore:
    try:
        options.store.parent.mkdir(parents=True, exist_ok=True)
        return SpanStore(options.store, retention=options.retention)
    except (OSError, sqlite3.Error) as error:
        raise ReceiverCannotStart(f"The span store {options.store} can't be opened: {error}.") from error
