"""SignalService over a real event log, on an event loop in a thread: for callers that block."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import grpc
from opentelemetry.trace import NoOpTracer

from tests.serving.event_messages import NOW
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.validation import EventLimits
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.intake import SignalIntake
from tidegate.features.stream.local_intake import LocalSignalIntake
from tidegate.policy.markets import MARKETS
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.settings import BudgetSettings, LimitSettings
from tidegate.serving.signals.signal_methods import SignalMethods
from tidegate.serving.signals.signal_servicer import SignalServicer
from tidegate.serving.wire import add_signal_service


@dataclass(frozen=True)
class RecordingServer:
    """A running server."""

    address: str
    """host:port."""
    path: Path
    """The event log."""

    def events(self, *account_ids: str) -> list[str]:
        """Ids of the events that the log holds of these accounts, as another process would read them."""
        log = SqliteEventLog(self.path)
        try:
            ids: list[str] = log.history(account_ids)["event_id"].to_pylist()
            return sorted(ids)
        finally:
            log.close()


def clock() -> datetime:
    """It is always noon."""
    return NOW


@contextmanager
def recording(path: Path, *, port: int = 0) -> Iterator[RecordingServer]:
    """Serves until the block ends, on a real log at `path`."""
    log = SqliteEventLog(path)
    intake = LocalSignalIntake(log, clock=clock, limits=EventLimits(), fresh=FreshlyTouched())
    with serving_events(intake, port=port) as address:
        yield RecordingServer(address, path)
    log.close()


@contextmanager
def serving_events(intake: SignalIntake, *, port: int = 0) -> Iterator[str]:
    """Serves this intake until the block ends, and closes it; gives the address."""
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        decoder = RequestDecoder(
            limits=LimitSettings(), budget=BudgetSettings(), max_request_bytes=16_000_000, markets=MARKETS
        )
        server, stop = grpc.aio.server(), asyncio.Event()
        servicer = SignalServicer(intake=intake, decoder=decoder, tracer=NoOpTracer())
        add_signal_service(SignalMethods(servicer), server)
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        started.set_result((bound, asyncio.get_running_loop(), stop))
        await stop.wait()
        await server.stop(0)
        await intake.close()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="recording-server")
    thread.start()
    bound, loop, stop = started.result(timeout=60)
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()
