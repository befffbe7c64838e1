"""One run in one Locust process: what is sent where, what is collected, and when it is over."""

import sys
import time
from typing import Any, Protocol

import gevent
from locust import runners
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadtests.locust.begin import Part, PlanClock
from loadtests.locust.channels import Channels, UnreachableError, adopt_gevent
from loadtests.locust.corpus import Corpus
from loadtests.locust.cpu import CpuMeter
from loadtests.locust.finishing import Finished
from loadtests.locust.gate import UNUSABLE
from loadtests.locust.harvest import Harvest
from loadtests.locust.options import LoadOptions, options_of
from loadtests.locust.pictures import pictures
from loadtests.locust.preparation import Preparation, prepared
from loadtests.locust.progress import tell
from loadtests.locust.rendezvous import Rendezvous
from loadtests.locust.report import REPORT
from loadtests.locust.run_record import NOTHING_MEASURED, RECORD, SAMPLES
from loadtests.locust.sample import DECIDED, Sample
from loadtests.locust.shot import TraceParents
from loadtests.locust.thresholds import Thresholds

_FROM_SEND = "from send"
_HARVEST, _PROBLEM = "tidegate_harvest", "tidegate_problem"
_SILENT_S = 15
"""After so many seconds without a sign Locust's master takes a worker for lost."""
_HARVEST_EVERY_S = 1.0
_STARTING_S = 90.0
_SETTLING_S = 5.0
"""Given to the last samples to arrive at the master, beyond the deadline of the last request."""


class Finish(Protocol):
    """What is done with a finished run."""

    def __call__(
        self, options: LoadOptions, harvest: Harvest, thresholds: Thresholds | None, *, loop: str, parts: int
    ) -> Finished:
        """Returns the exit status, and what is to be said."""
        ...


class LoadSession:
    """Joined to Locust by its events; users find it as `environment.tidegate`."""

    def __init__(self, environment: Environment, *, loop: str, finish: Finish) -> None:
        """Listens.

        Args:
            environment: Locust's.
            loop: `open` or `closed`.
            finish: Called once in the master, or in the only process.

        Raises:
            RefusedError, ThresholdsError, ResultsFolderError: In the process that finishes, as `prepared` says.
        """
        adopt_gevent()
        self.loop = loop
        self.harvest = Harvest()
        self._environment = environment
        self._rendezvous = Rendezvous(environment)
        self._finish = finish
        self._options: LoadOptions | None = None
        self._channels: Channels | None = None
        self._pictures: list[bytes] | None = None
        self._claimed = False
        self._problem = ""
        self._finished: Finished | None = None
        self._started = 0.0
        runner: Any = environment.runner
        self._is_worker = isinstance(runner, WorkerRunner)
        self._preparation: Preparation | None = None
        if not self._is_worker:
            self._preparation = prepared(environment.parsed_options, loop=loop)
            runner.register_message(_HARVEST, self._on_harvest)
            runner.register_message(_PROBLEM, self._on_problem)
            runners.HEARTBEAT_LIVENESS = _SILENT_S  # on a busy machine 3 s pass easily; a lost part is noticed anyway
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.quitting.add_listener(self._on_quitting)
        environment.events.quit.add_listener(self._on_quit)

    @property
    def options(self) -> LoadOptions:
        """Of this run. A worker has them once the master has sent them."""
        if self._options is None:
            self._options = options_of(self._environment.parsed_options)
        return self._options

    @property
    def channels(self) -> Channels:
        """Connected at the first use."""
        if self._channels is None:
            if not self._environment.host:
                raise UnreachableError("no host was given; write HOST:PORT of the service's gRPC port")
            target = self._environment.host.split("://")[-1]
            self._channels = Channels(target, count=self.options.channels)
        return self._channels

    @property
    def clock(self) -> PlanClock | None:
        """Since when the plan runs; None before everybody is ready."""
        return self._rendezvous.clock

    def part(self) -> Part:
        """This process's part."""
        return self._rendezvous.part()

    def claim(self) -> bool:
        """Whether the caller is the first in this process: only one user dispatches the arrivals."""
        first, self._claimed = not self._claimed, True
        return first

    def corpus(self, *, user: int = 0) -> Corpus:
        """This process's items; each user of a closed loop has its own."""
        part = self.part().number * 10_000 + user
        run = f"load{int(time.time())}"
        return Corpus(self.options.mix, seed=self.options.seed, pictures=self._made_pictures(), part=part, run=run)

    def traces(self, *, user: int = 0) -> TraceParents:
        """This process's traces. Each run has its own: what two requests share is one trace to whoever looks at it."""
        seed = hash((self.options.seed, self.part().number, user, time.time_ns()))
        return TraceParents(self.options.sampled_share, seed=seed)

    def _made_pictures(self) -> list[bytes]:
        if self._pictures is None:
            self._pictures = []
            for each in pictures(self.options.seed) if self.options.mix.picture_share else ():
                self._pictures.append(each)
                gevent.sleep(0)  # a worker that is silent for 3 s is taken for lost
        return self._pictures

    def make_start(self) -> PlanClock:
        """Waits until everybody is ready, and begins to measure this process."""
        clock = self._rendezvous.make_start()
        gevent.spawn(self._measure, clock)
        return clock

    def joined_start(self) -> PlanClock:
        """Waits for the start that this process makes by itself, in a closed loop."""
        return self._rendezvous.joined()

    def record(self, sample: Sample) -> None:
        """Keeps a sample, and tells Locust's own statistics of it.

        Each request is one to Locust's "Aggregated": in an open loop by its time from the intended start. Its time from
        actual send gets a line of its own there, which is in no sum.
        """
        self.harvest.samples.append(sample)
        failed = None if sample.outcome in DECIDED else Exception(sample.outcome)
        name = "Moderate" if sample.protocol == "unary" else "ModerateStream"
        since, took_ms = _FROM_SEND, sample.took_s * 1e3
        if self.loop == "open":
            beside = self._environment.stats.get(name, _FROM_SEND)
            beside.log(took_ms, 0)
            if failed:
                beside.log_error(failed)
            since, took_ms = "from intended", sample.from_intended_s * 1e3
        self._environment.events.request.fire(
            request_type=since, name=name, response_time=took_ms, response_length=0, exception=failed
        )

    def give_up(self, problem: str) -> None:
        """This process can't take its part: the run ends, and says why."""
        if self._is_worker:
            runner: Any = self._environment.runner
            runner.send_message(_PROBLEM, problem)
        self._problem = self._problem or problem

    def part_done(self) -> None:
        """This process has run the whole plan, and every request has its sample."""
        self.harvest.done.add(self.part().number)

    @property
    def over(self) -> bool:
        """Whether all parts are done, or should have been long ago."""
        if not self._started:
            return False
        if self._problem:
            return True
        if self.clock is None:
            return time.perf_counter() - self._started > _STARTING_S
        all_done = len(self.harvest.done) >= self._rendezvous.parts > 0
        last_s = self.options.plan.duration_s + self.options.deadline_ms / 1_000 + _SETTLING_S
        return all_done or self.clock.elapsed_s > last_s

    def _on_test_start(self, **_: Any) -> None:
        self._started = time.perf_counter()
        if self._preparation:
            self._preparation.folder.clear((RECORD, SAMPLES, REPORT))
        self._rendezvous.give_out_parts()
        runner: Any = self._environment.runner
        if self.loop == "closed" and not isinstance(runner, MasterRunner):
            gevent.spawn(self._start_alone)
        if not self._is_worker:
            gevent.spawn(self._tell)

    def _tell(self) -> None:
        unit = "arrivals per second" if self.loop == "open" else "users"
        tell(self.options.plan, self._rendezvous.joined(), unit=unit)

    def _start_alone(self) -> None:
        """Closed loop: a process makes its start whether or not it has users yet."""
        self._made_pictures()
        try:
            _ = self.channels
            clock = self.make_start()
        except (UnreachableError, gevent.Timeout) as error:
            self.give_up(str(error))
            return
        gevent.sleep(max(0.0, self.options.plan.duration_s + self.options.deadline_ms / 1_000 - clock.elapsed_s))
        self.part_done()

    def _on_harvest(self, msg: Any, **_: Any) -> None:
        self.harvest.put(msg.data)

    def _on_problem(self, msg: Any, **_: Any) -> None:
        self._problem = self._problem or msg.data

    def _measure(self, clock: PlanClock) -> None:
        """Reads this process every second, and hands over what it has if it is a worker."""
        meter = CpuMeter(self.part().number)
        while True:
            gevent.sleep(_HARVEST_EVERY_S)
            self.harvest.cpu.append(meter.read(clock.elapsed_s))
            if self._is_worker:
                runner: Any = self._environment.runner
                runner.send_message(_HARVEST, self.harvest.take())

    def _on_quitting(self, environment: Environment, **_: Any) -> None:
        if self._preparation is None or not self._started:
            return
        if self._problem:
            self._finished = Finished(UNUSABLE, f"{NOTHING_MEASURED}{self._problem}\n")
        else:
            thresholds = self._preparation.thresholds
            self._finished = self._finish(
                self.options, self.harvest, thresholds, loop=self.loop, parts=self._rendezvous.parts
            )
        environment.process_exit_code = self._finished.status

    def _on_quit(self, **_: Any) -> None:
        """After Locust's own tables: what stands last is what is read."""
        if self._finished:
            stream = sys.stderr if self._problem else sys.stdout
            stream.write(self._finished.said)
