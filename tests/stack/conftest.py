"""Stacks for the tests here: one for all that leave it as it was, fresh ones for the rest."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stack.running import Stack
from tidegate.serving.stack.ports import free_ports


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A distributed stack that is not started yet, and is stopped at the end."""
    shared = Stack(tmp_path_factory.mktemp("stack"), free_ports(1)[0])
    try:
        yield shared
    finally:
        shared.down()


@pytest.fixture(scope="module")
def stack(shared: Stack) -> Stack:
    """The running distributed stack of all modules; started again if one before has ended it."""
    shared.up_unless_running()
    return shared


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Starts a stack of the test's own, with these settings, and stops it after the test."""
    started: list[Stack] = []

    def start_one(**env: str) -> Stack:
        fresh = Stack(tmp_path / f"stack{len(started)}", free_ports(1)[0], env)
        started.append(fresh)
        fresh.up()
        return fresh

    yield start_one
    for each in started:
        each.down()


@pytest.fixture
def comments(tmp_path: Path) -> Path:
    """An item file with 300 mild comments."""
    lines = (
        f'{{"content_id": "c-{n}", "account_id": "acct-{n % 50 + 1:05}", "surface": "comment", "market": "SE",'
        f' "text": "track {n} made my day", "idempotency_key": "k-{n}"}}'
        for n in range(300)
    )
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(lines))
    return path
