"""`tidegate events` against a real gRPC server over a real event log: files, pipes, outages, examples and kinds."""

import gzip
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.event_loading import comment, lines, run
from tests.cli.processes import COMMAND
from tests.serving.event_messages import NOW
from tests.serving.recording_server import RecordingServer, recording
from tidegate.cli.event_examples import examples
from tidegate.cli.event_file import opened
from tidegate.cli.event_load import LoadReport, load
from tidegate.cli.events import events
from tidegate.client import EventKind, RetryPolicy, TidegateClient
from tidegate.features.events.document import event_of_line
from tidegate.serving.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RecordingServer]:
    with recording(tmp_path / "events.db") as server:
        yield server


@contextmanager
def closing_every_connection(listener: socket.socket) -> Iterator[None]:
    """Something listens, and nothing answers: what a proxy does whose service is away."""

    def close_each() -> None:
        while True:
            try:
                listener.accept()[0].close()
            except OSError:  # the listener is closed
                return

    thread = threading.Thread(target=close_each)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(30)


def test_a_file_is_recorded_and_loading_it_again_changes_nothing(
    settings: Settings, server: RecordingServer, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + lines(comment("e-1"), b"\n", comment("e-2"))[:-1])
    first = run(settings, server, file, "--json")
    assert first.exit_code == 0, first.output
    nothing = {"refused": 0, "refused_by_reason": {}, "first_refused": [], "refused_lines": []}
    nothing |= {"refused_lines_left_out": 0, "unanswered": 0, "untried": 0, "unread": False}
    assert json.loads(first.stdout) == {"accepted": 2, "repeated": 0, **nothing}
    assert json.loads(run(settings, server, file, "--json").stdout) == {"accepted": 0, "repeated": 2, **nothing}
    assert server.events("a") == ["e-1", "e-2"]


def test_gzip_and_standard_input_are_taken_as_well(settings: Settings, server: RecordingServer, tmp_path: Path) -> None:
    packed = tmp_path / "events"  # told by its first bytes
    packed.write_bytes(gzip.compress(lines(comment("packed"))))
    assert run(settings, server, packed).exit_code == 0
    assert run(settings, server, "-", standard_input=lines(comment("piped"))).exit_code == 0
    assert server.events("a") == ["packed", "piped"]


def test_an_empty_file_is_no_mistake(settings: Settings, server: RecordingServer, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"")
    result = run(settings, server, file, "--json")
    assert (result.exit_code, json.loads(result.stdout)["accepted"]) == (0, 0)


def test_a_damaged_archive_is_told_with_what_was_recorded(
    settings: Settings, server: RecordingServer, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl.gz"
    whole = gzip.compress(lines(*(comment(f"e-{at}") for at in range(2_000))))
    file.write_bytes(whole[: len(whole) // 2])
    result = run(settings, server, file)
    assert result.exit_code == 1
    assert "can't be read any further" in result.stderr
    assert "not tried, and the rest was not read" in result.stdout
    file.write_bytes(whole)
    assert run(settings, server, file).exit_code == 0
    assert len(server.events("a")) == 2_000


def test_where_nothing_listens_is_said_in_one_sentence(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(comment("e")))
    result = CliRunner().invoke(events, ["load", str(file), "--address", "127.0.0.1:1"], obj=settings)
    assert result.exit_code == 1
    assert "not running at 127.0.0.1:1" in result.stderr
    assert "0 new, 0 repeated, 0 refused, 1 not tried" in result.stdout


def test_what_a_pipe_holds_is_not_counted_where_nothing_listens(settings: Settings) -> None:
    called = ["load", "-", "--address", "127.0.0.1:1", "--json"]
    told = json.loads(CliRunner().invoke(events, called, obj=settings, input=lines(comment("e"))).stdout)
    assert (told["untried"], told["unread"]) == (0, True)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for a service for moments."""
    quick = RetryPolicy(attempts=3, first_delay_ms=1.0, longest_delay_ms=2.0)
    monkeypatch.setattr("tidegate.cli.events.BULK_RETRY", quick)


@pytest.mark.usefixtures("hasty")
def test_where_the_service_stays_away_it_is_said_that_it_is_waited_for_and_what_was_left(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.client.blocking_events.LEG_EVENTS", 3)
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(b"[]\n", *(comment(f"e-{at}") for at in range(8)), b"\n", b"[]\n"))
    with socket.create_server(("127.0.0.1", 0)) as silent, closing_every_connection(silent):
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        result = CliRunner().invoke(events, ["load", str(file), "--address", address], obj=settings)
        machine = CliRunner().invoke(events, ["load", str(file), "--address", address, "--json"], obj=settings)
    assert result.exit_code == 1
    assert "the service does not answer (UNAVAILABLE): asking again for half a minute" in result.stderr
    assert result.stderr.count("does not answer") == 1
    assert "1 refused, 3 without an answer (some may be recorded), 6 not tried" in result.stdout
    assert "load the same file again" in result.stderr
    told = json.loads(machine.stdout)
    assert [told[name] for name in ("refused", "unanswered", "untried", "unread")] == [1, 3, 6, False]


def test_a_service_that_comes_back_is_told_with_how_long_it_was_away(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(comment("e")))
    with socket.create_server(("127.0.0.1", 0)) as silent, closing_every_connection(silent):
        port = silent.getsockname()[1]
        called = ["events", "load", str(file), "--address", f"127.0.0.1:{port}"]
        loading = subprocess.Popen(
            [*COMMAND, "--state-dir", str(settings.state_dir), *called],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert loading.stderr is not None
        assert "does not answer" in loading.stderr.readline()
    with recording(tmp_path / "events.db", port=port) as server:
        out, said = loading.communicate(timeout=120)
        assert loading.returncode == 0, said
        assert "the service answers again after" in said
        assert "1 new" in out
        assert server.events("a") == ["e"]


def test_where_a_person_stops_it_the_rest_is_said_to_be_unread(
    server: RecordingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.client.blocking_events.LEG_EVENTS", 3)
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(*(comment(f"e-{at}") for at in range(8))))
    report = LoadReport()

    def stop(report: LoadReport) -> None:
        raise KeyboardInterrupt

    with TidegateClient(server.address) as client, opened(file) as source, pytest.raises(KeyboardInterrupt):
        load(client, source, report, backfill=False, progress=stop)
    assert (report.accepted, report.unanswered, report.untried, report.unread) == (3, 0, 0, True)


@pytest.mark.parametrize("account", ["account-1", "account-2", "account-3"])
def test_an_example_of_each_kind_can_be_loaded(server: RecordingServer, settings: Settings, account: str) -> None:
    made = examples(account, now=NOW)
    assert {event.kind for event in made} == set(EventKind) - {EventKind.DECISION}
    assert run(settings, server, "-", standard_input=lines(*made)).exit_code == 0
    assert len(server.events(account)) == len(made)


def test_examples_are_lines_and_no_two_calls_make_the_same() -> None:
    printed = [CliRunner().invoke(events, ["example", "--account", "x"]).stdout_bytes for _ in range(2)]
    first, second = ([event_of_line(line) for line in each.splitlines()] for each in printed)
    assert {event.account_id for event in first} == {"x"}
    assert not {event.event_id for event in first} & {event.event_id for event in second}


def test_kinds_are_listed_with_their_fields() -> None:
    told = {each["kind"]: each for each in json.loads(CliRunner().invoke(events, ["kinds", "--json"]).stdout)["kinds"]}
    assert set(told) == set(EventKind)
    assert told["STRIKE_ISSUED"] == {
        "kind": "STRIKE_ISSUED",
        "required": ["points", "subject_id"],
        "optional": ["expires_at"],
        "sent": True,
    }
    assert not told["DECISION"]["sent"]
    for_people = CliRunner().invoke(events, ["kinds"]).stdout
    assert all(kind in for_people for kind in EventKind)


def test_loading_needs_neither_ray_nor_feast() -> None:
    program = "import sys, tidegate.cli.events; print(sorted(set(sys.modules) & {'ray', 'feast', 'pandas'}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
