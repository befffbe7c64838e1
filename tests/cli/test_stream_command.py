"""`tidegate stream` as a process between pipes."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.item_lines import line, lines
from tests.cli.processes import interrupted, started
from tests.client.background_server import running
from tests.client.serving_process import ServingProcess
from tests.serving.in_process import Served


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with running() as server:
        yield server


def ask(process: "subprocess.Popen[bytes]", text: str) -> dict[str, Any]:
    """Gives one line and waits for one."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(text.encode() + b"\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    assert isinstance(answer, dict)
    return answer


def test_each_answer_comes_before_the_next_question(served: Served, tmp_path: Path) -> None:
    process = started(tmp_path, "stream", "--address", served.address)
    assert ask(process, line("1"))["action"] == "ALLOW"
    assert ask(process, "nonsense")["error"]["code"] == "INVALID_ARGUMENT"
    assert ask(process, line("3", market="XX"))["error"]["fields"][0]["field"] == "item.market"
    assert ask(process, line("4"))["content_id"] == "4"
    told, said = process.communicate(timeout=60)
    assert (process.returncode, told, said) == (2, b"", b"")


def test_many_items_through_a_pipe(served: Served, tmp_path: Path) -> None:
    process = started(tmp_path, "stream", "--address", served.address)
    told, said = process.communicate(lines(1_000).encode(), timeout=120)
    assert (process.returncode, said) == (0, b"")
    assert {json.loads(each)["content_id"] for each in told.splitlines()} == {str(number) for number in range(1_000)}


def test_a_summary_in_place_of_results(served: Served, tmp_path: Path) -> None:
    process = started(tmp_path, "stream", "--no-json", "--address", served.address)
    told, _ = process.communicate(lines(10).encode(), timeout=60)
    assert told.startswith(b"10 items in ")


@pytest.mark.parametrize("items", [0, 1])
def test_ctrl_c_while_waiting_for_input_ends_it_without_a_stack_trace(
    served: Served, tmp_path: Path, items: int
) -> None:
    process = started(tmp_path, "stream", "--address", served.address)
    for number in range(items):
        ask(process, line(str(number)))
    if not items:
        assert ask(process, "nonsense")["error"], "it has started"
    status, said = interrupted(process)
    assert status == 1
    assert said.strip() == "Aborted!"


@pytest.mark.integration
def test_a_conversation_survives_a_server_that_is_killed_and_comes_back(tmp_path: Path) -> None:
    server = ServingProcess.on_a_free_port(tmp_path / "ledger.db")
    server.start()
    process = started(tmp_path, "stream", "--address", server.address)
    try:
        assert ask(process, line("1"))["action"] == "ALLOW"
        server.kill()
        server.start()
        assert ask(process, line("2"))["action"] == "ALLOW"
        process.communicate(timeout=60)
        assert process.returncode == 0
        assert server.recorded() == {"1": 1, "2": 1}
    finally:
        process.kill()
        process.wait()
        server.kill()
