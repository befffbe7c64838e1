"""Stacks for the tests here: one for all that leave it as it was, fresh ones for the rest."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.stack.running import Stack

from tidegate.serving.stack.ports import free_ports


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """Starts stacks and stops them all at the end."""
    started: list[Stack] = []

    def start_one(**env: str) -> Stack:
        stack = Stack(tmp_path_factory.mktemp("stack"), free_ports(1)[0], env)
        started.append(stack)
        stack.up()
        return stack

    yield start_one
    for stack in started:
        stack.down()


@pytest.fixture(scope="session")
def stack(start: Callable[..., Stack]) -> Stack:
    """A running distributed stack."""
    return start()


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
