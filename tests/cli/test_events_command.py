"""`tidegate events` against a real gRPC server over a real event log."""

import dataclasses
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.serving.event_messages import NOW
from tests.serving.recording_server import RecordingServer, recording
from tidegate.cli.event_examples import examples
from tidegate.cli.event_file import EventLines, opened
from tidegate.cli.event_load import LoadReport, load
from tidegate.cli.events import events
from tidegate.client import AccountEvent, EventKind, TidegateClient
from tidegate.features.events.document import event_of_line, line_of
from tidegate.serving.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RecordingServer]:
    with recording(tmp_path / "events.db") as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state")


def comment(event_id: str) -> AccountEvent:
    return AccountEvent(event_id, "a", EventKind.COMMENT, NOW, subject_id="c")


def lines(*made: AccountEvent | bytes) -> bytes:
    return b"".join(each if isinstance(each, bytes) else line_of(each) for each in made)


def run(settings: Settings, server: RecordingServer, *arguments: object, standard_input: bytes | None = None) -> Result:
    called = ["load", *map(str, arguments), "--address", server.address]
    return CliRunner().invoke(events, called, obj=settings, input=standard_input)


def test_a_file_is_recorded_and_loading_it_again_changes_nothing(
    settings: Settings, server: RecordingServer, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + lines(comment("e-1"), b"\n", comment("e-2"))[:-1])
    first = run(settings, server, file, "--json")
    assert first.exit_code == 0, first.output
    nothing = {"refused": 0, "refused_by_reason": {}, "first_refused": []}
    assert json.loads(first.stdout) == {"accepted": 2, "repeated": 0, **nothing}
    assert json.loads(run(settings, server, file, "--json").stdout) == {"accepted": 0, "repeated": 2, **nothing}
    assert server.events("a") == ["e-1", "e-2"]


def test_gzip_and_standard_input_are_taken_as_well(settings: Settings, server: RecordingServer, tmp_path: Path) -> None:
    packed = tmp_path / "events"  # told by its first bytes
    packed.write_bytes(gzip.compress(lines(comment("packed"))))
    assert run(settings, server, packed).exit_code == 0
    assert run(settings, server, "-", standard_input=lines(comment("piped"))).exit_code == 0
    assert server.events("a") == ["packed", "piped"]


def test_lines_that_are_wrong_are_told_by_number_and_the_rest_is_recorded(
    settings: Settings, server: RecordingServer, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    late = dataclasses.replace(comment("late"), occurred_at=NOW - timedelta(days=30))
    negative = AccountEvent("neg", "a", EventKind.STRIKE_ISSUED, NOW, subject_id="s", points=-1.0)
    file.write_bytes(
        lines(
            comment("first"),
            b"{not json\n",
            b"\n",
            late,
            b'{"event_id": "u", "account_id": "a", "kind": "LIKE", "occurred_at": "2026-03-01T12:00:00Z"}\n',
            negative,
            b'{"event_id": "long", "account_id": "' + b"a" * 70_000 + b'"}\n',
            b"\xff\xfe\n",
            comment("last"),
        )
    )
    result = run(settings, server, file, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["accepted"], told["refused"]) == (2, 6)
    assert told["refused_by_reason"] == {"INVALID": 5, "TOO_LATE": 1}
    assert [(each["line"], each["reason"], each["field"]) for each in told["first_refused"]] == [
        (2, "INVALID", ""),
        (4, "TOO_LATE", "occurred_at"),
        (5, "INVALID", "kind"),
        (6, "INVALID", "points"),
        (7, "INVALID", ""),
        (8, "INVALID", ""),
    ]
    assert all(each["message"] for each in told["first_refused"])
    assert server.events("a") == ["first", "last"]


def test_people_see_the_first_twenty_refusals_and_totals_by_reason(
    settings: Settings, server: RecordingServer, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(comment("fine"), *[b"[]\n"] * 25))
    result = run(settings, server, file)
    assert result.exit_code == 1
    assert "26 events" in result.stdout
    assert "1 new, 0 repeated, 25 refused" in " ".join(result.stdout.split())
    assert "line 2 " in result.stderr
    assert "line 21 " in result.stderr
    assert "line 22 " not in result.stderr
    assert "and 5 more" in result.stderr
    assert "25  INVALID" in result.stderr


def test_late_events_are_for_a_backfill(settings: Settings, server: RecordingServer, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(dataclasses.replace(comment("late"), occurred_at=NOW - timedelta(days=30))))
    assert run(settings, server, file).exit_code == 1
    assert run(settings, server, file, "--backfill").exit_code == 0


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
    file.write_bytes(whole)
    assert run(settings, server, file).exit_code == 0
    assert len(server.events("a")) == 2_000


def test_where_nothing_listens_is_said_in_one_sentence(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(comment("e")))
    result = CliRunner().invoke(events, ["load", str(file), "--address", "127.0.0.1:1"], obj=settings)
    assert result.exit_code == 1
    assert "not running at 127.0.0.1:1" in result.stderr


def test_line_numbers_hold_over_parts_and_progress_is_told(
    server: RecordingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.client.blocking_events.LEG_EVENTS", 3)
    file = tmp_path / "events.jsonl"
    wrong = [dataclasses.replace(comment(f"w-{at}"), subject_id="") for at in range(4)]
    file.write_bytes(lines(*(each for at in range(4) for each in (comment(f"e-{at}"), b"\n", wrong[at]))))
    report, seen = LoadReport(), list[int]()
    with TidegateClient(server.address) as client, opened(file) as source:
        load(client, source.stream, report, backfill=False, progress=lambda each: seen.append(each.count))
        assert source.read_bytes() == source.size_bytes
    assert seen == [3, 6, 8]
    assert [line.number for line in report.refused] == [3, 6, 9, 12]


def test_an_example_of_each_kind_can_be_loaded(server: RecordingServer, settings: Settings) -> None:
    made = examples("account-1", now=NOW)
    assert {event.kind for event in made} == set(EventKind) - {EventKind.DECISION}
    assert run(settings, server, "-", standard_input=lines(*made)).exit_code == 0
    assert len(server.events("account-1")) == len(made)


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


def test_a_line_that_is_too_long_is_passed_over_without_being_kept() -> None:
    class Endless:
        left = 100

        def read(self, size: int, /) -> bytes:
            self.left -= 1
            return b"x" * size if self.left > 0 else b""

    refused: list[int] = []
    reader = EventLines(Endless(), on_refused=lambda line: refused.append(line.number))
    assert list(reader.events()) == []
    assert refused == [1]


def test_loading_needs_neither_ray_nor_feast() -> None:
    program = "import sys, tidegate.cli.events; print(sorted(set(sys.modules) & {'ray', 'feast', 'pandas'}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
