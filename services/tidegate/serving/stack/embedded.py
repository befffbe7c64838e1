"""The whole stack on one machine: what `tidegate up` runs.

Starts, in this order and where possible side by side: the OTLP receiver, Triton under its supervisor, the feature
repository, Ray Serve with the application; waits until the first decision would succeed; then watches until told to
stop, and stops in reverse, in-flight requests first. Run as `python -m tidegate.serving.stack.embedded`, under the
environment of `ray_environment`.
"""

import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tidegate.features.feast_import import import_feast
from tidegate.features.online import OnlineChoice, OnlineKind
from tidegate.serving.bank_store import make_banks
from tidegate.serving.ledger_store import ledger_place
from tidegate.serving.ray_environment import NICENESS
from tidegate.serving.settings import BankStore, LedgerStore, OnlineStore, Settings
from tidegate.serving.stack.child import Child, ChildFailedError
from tidegate.serving.stack.ports import LOOPBACK, free_ports
from tidegate.serving.stack.probe import accepts, serves
from tidegate.serving.stack.ray_serving import RayServing
from tidegate.serving.stack.state import PartState, StackPart, StackPhase, StackState, hold, write_state
from tidegate.serving.stack.warden import start_warden

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 300.0
"""For the whole start. Ray's attempts alone may take 90 s of it on a busy machine."""
WATCH_INTERVAL_S = 1.0


class StoppedWhileStartingError(Exception):
    """SIGTERM or SIGINT came before the stack was ready."""


class EmbeddedStack:
    """Starts, watches and stops the parts."""

    def __init__(
        self, settings: Settings, *, say: Callable[[str], None], start_timeout_s: float = START_TIMEOUT_S
    ) -> None:
        """Chooses addresses.

        Args:
            settings: As loaded; the stack fills in the addresses of what it starts.
            say: Told of every step, for people.
            start_timeout_s: From now until decisions are made. What blocks within Ray is not cut short by it.
        """
        self._say = say
        self._started = time.monotonic()
        self._start_timeout_s = start_timeout_s
        self._state_dir = settings.state_dir.resolve()
        self._logs = self._state_dir / "logs"
        self._children: list[Child] = []
        self._parts: dict[str, StackPart] = {}
        self._one_at_a_time = threading.Lock()
        self._stop = threading.Event()
        triton_port, otlp_grpc, otlp_http, http_port = free_ports(4)
        self._triton_port, self._otlp_grpc = triton_port, otlp_grpc
        self._otlp_http = otlp_http = settings.telemetry.metrics_port or otlp_http
        self._own_receiver = settings.telemetry.endpoint is None
        telemetry = settings.telemetry
        if self._own_receiver:
            telemetry = telemetry.model_copy(
                update={
                    "endpoint": f"http://{LOOPBACK}:{otlp_grpc}",
                    "triton_endpoint": f"http://{LOOPBACK}:{otlp_http}/v1/traces",
                }
            )
        triton = settings.triton
        if triton.managed:
            triton = triton.model_copy(update={"address": f"{LOOPBACK}:{triton_port}"})
        self.settings = settings.model_copy(
            update={"state_dir": self._state_dir, "telemetry": telemetry, "triton": triton}
        )
        self._ray = RayServing(self.settings, http_port=http_port)

    def run(self) -> None:
        """Runs until SIGTERM or SIGINT.

        Raises:
            ChildFailedError: A part did not start; everything else is stopped again.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        self._heed_signals()
        self._parts = {name: StackPart(name, PartState.WAITING) for name in self._planned()}
        try:
            self._publish(StackPhase.STARTING)
            self._start()
            self._heed_signals()  # again: Ray has put its own handler in place
            self._publish(StackPhase.READY)
            self._say(f"ready at {self._grpc_address} after {time.monotonic() - self._started:.0f} s")
            self._watch()
            self._publish(StackPhase.STOPPING)
        except StoppedWhileStartingError:
            self._publish(StackPhase.STOPPING)
        except Exception as error:
            self._publish(StackPhase.FAILED, reason=str(error))
            raise
        finally:
            self._shut_down()

    def _heed_signals(self) -> None:
        for stopper in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stopper, lambda *_: self._stop.set())

    @property
    def _grpc_address(self) -> str:
        return f"{LOOPBACK}:{self.settings.grpc.port}"

    def _left_s(self) -> float:
        return max(0.0, self._started + self._start_timeout_s - time.monotonic())

    def _planned(self) -> Iterator[str]:
        if self._own_receiver:
            yield from ("otlp-receiver", "metrics")
        if self.settings.triton.managed:
            yield "triton"
        yield from ("ray", "online-store", "router", "ledger")

    def _start(self) -> None:
        if self._own_receiver:
            self._start_receiver()
        if self.settings.triton.managed:
            self._start_triton()
        with ThreadPoolExecutor(2, "start") as side:
            self._part("ray", PartState.STARTING)
            self._part("online-store", PartState.STARTING)
            beside = [side.submit(self._prepare_features), side.submit(self._prepare_databases)]
            if self.settings.triton.managed:
                beside.append(side.submit(self._wait_for_triton))
            try:
                cluster = self._ray.start(on_retry=lambda: self._part("ray", PartState.RESTARTING))
                self._part("ray", PartState.READY, cluster)
                for each in beside:
                    each.result()
            except BaseException:
                self._stop.set()  # nobody waits on for what is not needed any more
                raise
        self._part("router", PartState.STARTING, self._grpc_address)
        self._ray.deploy()
        self._wait_until_serving()

    def _wait_for(self, child: Child, address: str) -> None:
        """Until it takes connections, or the stack is told to stop, which the next part to be told of heeds."""
        child.wait_until(lambda: self._stop.is_set() or accepts(address), timeout_s=self._left_s())

    def _wait_for_triton(self) -> None:
        self._wait_for(self._triton, self.settings.triton.address)
        self._part("triton", PartState.READY, self.settings.triton.address, self._triton.process.pid)

    def _start_receiver(self) -> None:
        command = [sys.executable, "-m", "tidegate.telemetry.receiver", "--grpc-port", str(self._otlp_grpc)]
        command += ["--http-port", str(self._otlp_http), "--store", str(self.settings.traces_path)]
        child = Child("otlp-receiver", command, log=self._logs / "otlp-receiver.log")
        self._children.append(child)
        address = f"{LOOPBACK}:{self._otlp_grpc}"
        self._part("otlp-receiver", PartState.STARTING, address, child.process.pid)
        self._wait_for(child, address)
        self._part("otlp-receiver", PartState.READY, address, child.process.pid)
        self._part("metrics", PartState.READY, f"http://{LOOPBACK}:{self._otlp_http}/metrics")

    def _start_triton(self) -> None:
        command = [sys.executable, "-m", "tidegate.models.runtime", "--root", str(self.settings.triton.root), "serve"]
        command += ["--grpc-port", str(self._triton_port), "--log", str(self._logs / "tritonserver.log")]
        command += ["--niceness", str(NICENESS)]
        command += self.settings.detectors.runtime_arguments()
        trace_url = self.settings.triton_trace_url()
        if trace_url:
            command += ["--otlp-http-url", trace_url]
        self._triton = Child("triton", command, log=self._logs / "triton.log")
        self._children.append(self._triton)
        self._part("triton", PartState.STARTING, self.settings.triton.address, self._triton.process.pid)

    def _prepare_features(self) -> None:
        import_feast()
        from tidegate.features.pipeline import apply, seed  # noqa: PLC0415 - Feast takes seconds to import
        from tidegate.serving.composition import RISK_MODEL, selection  # noqa: PLC0415 - imports all stages
        from tidegate.serving.signals.risk_adapter import risk_choice  # noqa: PLC0415 - as above

        features, directory = self.settings.features, self.settings.features_dir
        redis = features.online_store is OnlineStore.REDIS
        online = OnlineChoice(OnlineKind.REDIS, features.redis_address) if redis else OnlineChoice()
        address = features.redis_address if redis else str(directory)
        if features.demo_accounts:  # each time: a seed cut short is finished, and event times are of today
            self._say(f"generating {features.demo_accounts:,} demo accounts")
            seed(
                directory,
                online,
                count=features.demo_accounts,
                random_seed=1,
                now=datetime.now(UTC),
                progress=lambda line: logger.info("features: %s", line),
                signals=self.settings.events_path,
                risk=risk_choice(selection(self.settings).live.get(RISK_MODEL)),
            )
        else:
            apply(directory, online, progress=lambda line: logger.info("features: %s", line))
        self._part("online-store", PartState.READY, address)

    def _prepare_databases(self) -> None:
        """One that can't be used is told now, and not as a router that is never ready."""
        if self.settings.ledger.store is LedgerStore.POSTGRES:
            place = ledger_place(self.settings)
            self._part("ledger", PartState.STARTING, str(place))
            place.migrate()
        if self.settings.banks.store is BankStore.POSTGRES:
            make_banks(self.settings)

    def _wait_until_serving(self) -> None:
        while not serves(self._grpc_address):
            if self._stop.is_set():
                raise StoppedWhileStartingError
            if not self._left_s():
                told = f"the router was not SERVING {self._start_timeout_s:.0f} s after the stack's start"
                raise ChildFailedError(f"{told}; see {self._logs} and Ray's session logs")
            time.sleep(0.1)
        self._part("router", PartState.READY, self._grpc_address)
        self._part("ledger", PartState.READY, str(ledger_place(self.settings)))

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_INTERVAL_S):
            before = dict(self._parts)
            for child in self._children:
                if child.ended():
                    logger.error("%s ended with %s", child.name, child.process.returncode)
                child.start_again()
                part = self._parts[child.name]
                well = not child.ended() and accepts(part.address)
                state = PartState.READY if well else PartState.RESTARTING
                self._parts[child.name] = replace(part, state=state, pid=child.process.pid)
            if self._parts != before:
                self._publish(StackPhase.READY)

    def _shut_down(self) -> None:
        self._say("stopping: requests under way finish first")
        self._ray.stop(spare={child.process.pid for child in self._children})
        for child in reversed(self._children):
            child.stop()

    def _part(self, name: str, state: PartState, address: str = "", pid: int | None = None) -> None:
        """Tells where a part stands while the stack starts; goes no further if it is told to stop."""
        if self._stop.is_set():
            raise StoppedWhileStartingError
        with self._one_at_a_time:  # two threads write one file
            self._parts[name] = StackPart(name=name, state=state, address=address, pid=pid)
            self._publish(StackPhase.STARTING)
        self._say(f"{time.monotonic() - self._started:>4.0f} s  {name}: {state.lower()}")

    def _publish(self, phase: StackPhase, *, reason: str = "") -> None:
        write_state(
            self._state_dir,
            StackState(
                phase=phase,
                pid=os.getpid(),
                grpc_address=self._grpc_address,
                topology=self.settings.topology,
                parts=tuple(self._parts.values()),
                reason=reason,
                settings=self.settings.payload(),
            ),
        )


def main() -> int:
    """Runs the stack; 1 if it could not start.

    Arguments: the settings payload's file, HAProxy's directory, seconds for the start (300 if left out).
    """
    settings = Settings.from_payload(json.loads(Path(sys.argv[1]).read_text()))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    start_timeout_s = float(sys.argv[3]) if len(sys.argv) > 3 else START_TIMEOUT_S  # noqa: PLR2004 - the third
    held = hold(settings.state_dir)
    start_warden(sys.argv[2])
    try:
        EmbeddedStack(
            settings,
            say=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201 - for people
            start_timeout_s=start_timeout_s,
        ).run()
    except Exception:
        logger.exception("the stack could not run")
        return 1
    finally:
        shutil.rmtree(sys.argv[2], ignore_errors=True)
        held.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
