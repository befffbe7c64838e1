"""`tidegate moderate` as a process: what goes to which stream, terminals, signals, a service that is not there."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.item_lines import lines
from tests.cli.processes import COMMAND, Terminal, interrupted, started
from tests.client.background_server import running
from tests.client.waiting import eventually
from tests.serving.in_process import ScriptedText, Served
from tidegate.serving.stack.ports import free_ports


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with running() as server:
        yield server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "items.jsonl"
    made.write_text(lines(300))
    return made


def test_the_bar_is_drawn_on_standard_error_and_results_go_where_standard_output_goes(
    served: Served, tmp_path: Path, file: Path
) -> None:
    terminal = Terminal()
    process = started(
        tmp_path, "moderate", "--file", str(file), "--json", "--address", served.address, stderr=terminal.theirs
    )
    with ThreadPoolExecutor(1) as reader:  # a terminal holds little, and the slower a machine, the more is drawn
        reading = reader.submit(terminal.shown)
        told, _ = process.communicate(timeout=120)
        shown = reading.result()
    assert process.returncode == 0
    assert len({json.loads(each)["content_id"] for each in told.splitlines()}) == 300
    assert "moderating" in shown
    assert "/300" in shown
    assert "decision_id" not in shown


def test_no_bar_is_drawn_into_results_on_the_same_terminal(served: Served, tmp_path: Path, file: Path) -> None:
    both = Terminal()
    arguments = ("moderate", "--file", str(file), "--json", "--address", served.address)
    process = started(tmp_path, *arguments, stderr=both.theirs, stdout=both.theirs)
    seen = b""
    while seen.count(b"\n") < 300:  # a terminal holds little: it is read while the process writes
        seen += both.read()
    process.communicate(timeout=120)
    seen += both.shown().encode()
    assert process.returncode == 0
    assert all(json.loads(each)["decision_id"] for each in seen.decode().split("\r\n") if each)


def test_no_bar_is_drawn_where_there_is_no_terminal(served: Served, tmp_path: Path, file: Path) -> None:
    process = started(tmp_path, "moderate", "--file", str(file), "--address", served.address)
    told, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (0, b"")
    assert told.startswith(b"300 items in ")


def test_a_reader_that_goes_away_ends_it_quietly(served: Served, tmp_path: Path) -> None:
    """As `tidegate moderate … --json | head -1`."""
    file = tmp_path / "items.jsonl"
    file.write_text(lines(3_000))
    process = started(tmp_path, "moderate", "--file", str(file), "--json", "--address", served.address)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"{")
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    assert process.wait(60) != 0
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()


@pytest.mark.parametrize(
    "arguments", [("--text", "x", "--account", "a"), ("--file", "FILE"), ("--file", "FILE", "--json")]
)
def test_a_service_that_is_not_there_is_one_sentence_that_says_what_to_do(
    tmp_path: Path, file: Path, arguments: tuple[str, ...]
) -> None:
    (port,) = free_ports(1)
    config = tmp_path / "settings.yaml"
    config.write_text(f"grpc:\n  port: {port}\n")
    given = [str(file) if each == "FILE" else each for each in arguments]
    command = [*COMMAND, "--config", str(config), "--state-dir", str(tmp_path / "state"), "moderate", *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: Tidegate is not running at 127.0.0.1:{port}; `tidegate up` starts it here\n"


def test_ctrl_c_ends_it_without_a_stack_trace(tmp_path: Path) -> None:
    text = ScriptedText(delay_s=0.05)
    file = tmp_path / "items.jsonl"
    file.write_text(lines(100_000))
    with running(text=text) as slow:
        process = started(tmp_path, "moderate", "--file", str(file), "--json", "--address", slow.address)
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")
        status, said = interrupted(process)
        assert status != 0
        assert "Traceback" not in said
        assert "Exception" not in said
        assert eventually(lambda: text.under_way == 0), "the stream was cancelled"
