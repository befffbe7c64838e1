"""A command run to its end, or killed on the way, with the memory of it and all that it starts watched."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

TIDEGATE = Path(sys.executable).with_name("tidegate")
"""The command, of the environment that measures."""
_EVERY_S = 0.2
_GONE_WITHIN_S = 20.0


@dataclass(slots=True)
class Watched:
    """What was seen of a command."""

    seconds: float = 0.0
    """Until it ended."""
    lines: list[tuple[float, str]] = field(default_factory=list)
    """Its progress (standard error), each line with its second."""
    rss: list[tuple[float, int]] = field(default_factory=list)
    """Bytes resident, summed over its processes, with the second. What they share counts once per process."""
    output: str = ""
    """Its standard output."""
    killed: bool = False
    """Whether `stop` said so."""

    @property
    def peak_rss(self) -> int:
        """The most that was seen."""
        return max((size for _, size in self.rss), default=0)


def never() -> bool:
    """Lets it run to its end."""
    return False


def watched(command: Sequence[str], *, say: Callable[[str], None], stop: Callable[[], bool] = never) -> Watched:
    """Runs `tidegate` with these arguments.

    Args:
        command: Arguments.
        say: Is told its progress.
        stop: Asked again and again; once it says so, the process is killed with SIGKILL.

    Raises:
        RuntimeError: It failed, or left processes behind.
    """
    seen, started = Watched(), time.monotonic()
    process = subprocess.Popen([TIDEGATE, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    root, everybody = psutil.Process(process.pid), set[psutil.Process]()
    with _ended(process), _sampling(root, everybody, seen, stop):
        for line in process.stderr:
            seen.lines.append((time.monotonic() - started, line.rstrip()))
            say(line.rstrip())
        seen.output = process.stdout.read()
        code = process.wait()
    seen.seconds = time.monotonic() - started
    if code != 0 and not seen.killed:
        raise RuntimeError(f"tidegate {' '.join(command)} ended with {code}: {seen.lines[-1:]}")
    _, left = psutil.wait_procs([each for each in everybody if each.is_running()], timeout=_GONE_WITHIN_S)
    if left:
        raise RuntimeError(f"tidegate {' '.join(command)} left processes behind: {left}")
    return seen


@contextlib.contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Leaves no process behind when the measurement itself is stopped."""
    with process:
        try:
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def _sampling(
    root: psutil.Process, everybody: set[psutil.Process], seen: Watched, stop: Callable[[], bool]
) -> Iterator[None]:
    started, ended = time.monotonic(), threading.Event()

    def sample() -> None:
        while not ended.wait(_EVERY_S):
            with contextlib.suppress(psutil.NoSuchProcess):
                everybody.update(now := [root, *root.children(recursive=True)])
                seen.rss.append((round(time.monotonic() - started, 2), sum(map(_resident, now))))
                if not seen.killed and stop():
                    seen.killed = True
                    root.kill()

    thread = threading.Thread(target=sample, name="memory", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
