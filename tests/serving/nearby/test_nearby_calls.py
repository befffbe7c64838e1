"""Calls to stages of the same machine: real sockets, and processes that hang, die and come back."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.serving.nearby import stage_process
from tidegate.serving.nearby.door import StageDoor
from tidegate.serving.nearby.handle import NearbyHandle
from tidegate.serving.nearby.place import SUFFIX
from tidegate.serving.nearby.replicas import MOST_UNDER_WAY, NearbyReplicas, NoneNear, StageFailed


@contextlib.contextmanager
def process(folder: Path) -> Iterator[int]:
    """A stage in a process of its own; its pid. Killed at the end."""
    command = [sys.executable, "-m", stage_process.__name__, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": _PATH}) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        try:
            yield child.pid
        finally:
            child.kill()


_PATH = os.pathsep.join(path for path in sys.path if path)


@contextlib.asynccontextmanager
async def door(folder: Path, **methods: Callable[[Any], Awaitable[Any]]) -> AsyncIterator[StageDoor]:
    """A stage in this process."""
    made = StageDoor(folder, methods or {"doubled": stage_process.doubled})
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def sockets(folder: Path) -> list[Path]:
    """All that lies there."""
    return [*folder.iterdir()]


class _Clock:
    """Looks for replicas whenever it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 10.0
        return self.now_s


def near(folder: Path) -> NearbyReplicas:
    """That looks at every call."""
    return NearbyReplicas(folder, clock=_Clock())


async def asked(replicas: NearbyReplicas, method: str, batch: Any) -> Any:
    """The answer, once a replica is near: a first call only starts the look."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await replicas.ask(method, batch)
            except NoneNear:
                await asyncio.sleep(0.01)


async def test_a_near_replica_is_found_and_answers_many_calls_at_a_time(tmp_path: Path) -> None:
    async with door(tmp_path):
        replicas = near(tmp_path)
        with pytest.raises(NoneNear):
            await replicas.ask("doubled", [1])
        assert await asked(replicas, "doubled", [1, 2]) == [2, 4]
        answers = await asyncio.gather(*(replicas.ask("doubled", [number]) for number in range(MOST_UNDER_WAY)))
        assert answers == [[2 * number] for number in range(MOST_UNDER_WAY)]


async def test_answers_come_to_who_asked_whichever_comes_first(tmp_path: Path) -> None:
    first_may_end = asyncio.Event()

    async def slow_first(batch: str) -> str:
        if batch == "first":
            await first_may_end.wait()
        return f"answer to {batch}"

    async with door(tmp_path, ask=slow_first):
        replicas = near(tmp_path)
        await asked(replicas, "ask", "nothing")
        first = asyncio.create_task(replicas.ask("ask", "first"))
        assert await replicas.ask("ask", "second") == "answer to second"
        first_may_end.set()
        assert await first == "answer to first"


async def test_megabytes_come_whole(tmp_path: Path) -> None:
    async def size(batch: list[bytes]) -> tuple[int, list[bytes]]:
        return sum(map(len, batch)), batch

    pictures = [bytes([number]) * 3_000_000 for number in range(4)]
    async with door(tmp_path, size=size):
        assert await asked(near(tmp_path), "size", pictures) == (12_000_000, pictures)


async def test_what_a_stage_raises_is_told_by_its_type_and_the_line_stays(tmp_path: Path) -> None:
    async def broken(batch: bool) -> str:
        if batch:
            raise ValueError("may quote content")
        return "well"

    async with door(tmp_path, broken=broken):
        replicas = near(tmp_path)
        with pytest.raises(StageFailed, match=r"^ValueError$"):
            await asked(replicas, "broken", True)
        with pytest.raises(StageFailed, match=r"^KeyError$"):
            await replicas.ask("unknown", True)
        assert await replicas.ask("broken", False) == "well"


async def test_a_call_that_was_given_up_harms_no_other(tmp_path: Path) -> None:
    may_end = asyncio.Event()

    async def held(batch: str) -> str:
        if batch == "held":
            await may_end.wait()
        return batch

    async with door(tmp_path, held=held):
        replicas = near(tmp_path)
        await asked(replicas, "held", "nothing")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(replicas.ask("held", "held"), timeout=0.01)
        may_end.set()
        assert await replicas.ask("held", "next") == "next"


async def test_a_busy_replica_leaves_the_choice_to_serve(tmp_path: Path) -> None:
    async def never(_: object) -> None:
        await may_end.wait()

    may_end = asyncio.Event()
    async with door(tmp_path, never=never, doubled=stage_process.doubled):
        replicas = near(tmp_path)
        await asked(replicas, "doubled", [1])
        held = [asyncio.create_task(replicas.ask("never", 0)) for _ in range(MOST_UNDER_WAY)]
        await asyncio.sleep(0)
        with pytest.raises(NoneNear):
            await replicas.ask("doubled", [1])
        may_end.set()
        await asyncio.gather(*held)
        assert await replicas.ask("doubled", [1]) == [2]


async def test_of_two_replicas_the_one_that_hangs_is_avoided(tmp_path: Path) -> None:
    with process(tmp_path) as one, process(tmp_path) as other:
        replicas = near(tmp_path)
        told = {await asked(replicas, "pid", 0)}
        async with asyncio.timeout(60):
            while told != {one, other}:
                told |= set(await asyncio.gather(*(replicas.ask("pid", 0) for _ in range(4))))
        os.kill(one, signal.SIGSTOP)
        for _ in range(3):  # each call that hangs makes it busier
            hanging = [asyncio.create_task(replicas.ask("pid", 0)) for _ in range(2)]
            await asyncio.wait(hanging, timeout=0.2)
        assert {await asyncio.wait_for(replicas.ask("pid", 0), timeout=60) for _ in range(10)} == {other}
        os.kill(one, signal.SIGCONT)


async def test_calls_of_a_replica_that_dies_go_elsewhere_and_its_socket_goes_too(tmp_path: Path) -> None:
    replicas = near(tmp_path)
    with process(tmp_path) as pid:
        await asked(replicas, "doubled", [1])
        hanging = asyncio.create_task(replicas.ask("hang", 0))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(NoneNear):
            await asyncio.wait_for(hanging, timeout=60)
    assert sockets(tmp_path)
    async with asyncio.timeout(60):
        while sockets(tmp_path):
            with contextlib.suppress(NoneNear):
                await replicas.ask("doubled", [1])
            await asyncio.sleep(0.01)
    with process(tmp_path):
        assert await asked(replicas, "doubled", [4]) == [8]


async def test_a_door_that_closes_answers_what_has_begun(tmp_path: Path) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def held(_: object) -> str:
        begun.set()
        await may_end.wait()
        return "answered"

    folder = tmp_path / "Stage"
    folder.mkdir(mode=0o700)
    async with door(folder, held=held, doubled=stage_process.doubled) as made:
        replicas = near(folder)
        await asked(replicas, "doubled", [1])
        call = asyncio.create_task(replicas.ask("held", 0))
        await begun.wait()
        closing = asyncio.create_task(made.close())
        await asyncio.sleep(0)
        assert not sockets(folder)  # nobody new finds it
        may_end.set()
        assert await call == "answered"
        await closing
        assert not folder.exists()
        async with asyncio.timeout(60):
            while True:  # its line goes when the news arrives
                try:
                    await replicas.ask("doubled", [1])
                except NoneNear:
                    break
                await asyncio.sleep(0.01)


async def test_one_that_is_too_busy_to_be_met_hides_no_other(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as waiting:
        busy.bind(str(tmp_path / f"0{SUFFIX}"))
        busy.listen(0)
        while True:
            one = waiting.enter_context(socket.socket(socket.AF_UNIX))
            one.settimeout(0)
            if one.connect_ex(str(tmp_path / f"0{SUFFIX}")):
                break
        async with door(tmp_path):
            assert await asked(near(tmp_path), "doubled", [1]) == [2]


async def test_a_door_makes_its_folder_again_that_the_last_replica_took_along(tmp_path: Path) -> None:
    folder = tmp_path / "Stage"
    made = StageDoor(folder, {"doubled": stage_process.doubled})
    await made.open()
    assert await asked(near(folder), "doubled", [1]) == [2]
    await made.close()


class _ByServe:
    """A deployment's handle."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.doubled = self.ready = self

    async def remote(self, *arguments: object) -> str:
        self.asked.append(arguments)
        return "by way of Serve"


async def test_a_handle_asks_near_replicas_and_serve_where_there_is_none(tmp_path: Path) -> None:
    by_serve = _ByServe()
    handle = NearbyHandle(by_serve, near(tmp_path))
    assert await handle.doubled.remote([1]) == "by way of Serve"
    async with door(tmp_path):
        async with asyncio.timeout(60):
            while await handle.doubled.remote([1]) != [2]:  # noqa: ASYNC110 - the door tells nobody that it opens
                await asyncio.sleep(0.01)
        before = len(by_serve.asked)
        assert await handle.doubled.remote([4]) == [8]
        assert await handle.ready.remote() == "by way of Serve"
        assert by_serve.asked[before:] == [()]


@pytest.mark.parametrize(
    "scenario",
    [
        test_a_near_replica_is_found_and_answers_many_calls_at_a_time,
        test_answers_come_to_who_asked_whichever_comes_first,
        test_megabytes_come_whole,
        test_calls_of_a_replica_that_dies_go_elsewhere_and_its_socket_goes_too,
        test_a_door_that_closes_answers_what_has_begun,
        test_one_that_is_too_busy_to_be_met_hides_no_other,
    ],
)
def test_the_same_on_uvloop(scenario: Callable[[Path], Coroutine[Any, Any, None]], tmp_path: Path) -> None:
    """Ray's replicas run on it, and its transports are not asyncio's."""
    uvloop.run(scenario(tmp_path))
