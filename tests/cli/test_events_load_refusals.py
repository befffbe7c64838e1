"""Which lines `tidegate events load` refuses, and what people and machines are told of them."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.event_loading import comment, lines, run
from tests.serving.event_messages import NOW
from tests.serving.recording_server import RecordingServer, recording
from tidegate.cli.event_file import EventLines, opened
from tidegate.cli.event_load import LoadReport, load
from tidegate.client import AccountEvent, EventKind, TidegateClient
from tidegate.serving.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RecordingServer]:
    with recording(tmp_path / "events.db") as server:
        yield server


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
    assert [each["event_id"] for each in told["first_refused"]] == ["", "late", "u", "neg", "", ""]
    assert told["refused_lines"] == told["first_refused"]
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
    assert "and 5 more refused lines; --json lists them all" in result.stderr
    assert "25  INVALID" in result.stderr
    told = json.loads(run(settings, server, file, "--json").stdout)
    assert [len(told[name]) for name in ("first_refused", "refused_lines")] == [20, 25]
    assert [each["line"] for each in told["refused_lines"]] == list(range(2, 27))


def test_machines_get_also_the_refusals_that_the_service_does_not_list(
    settings: Settings, server: RecordingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a stream it lists the first hundred."""
    monkeypatch.setattr("tidegate.client.blocking_events.LEG_EVENTS", 200)
    file = tmp_path / "events.jsonl"
    late = [dataclasses.replace(comment(f"late-{at}"), occurred_at=NOW - timedelta(days=30)) for at in range(300)]
    file.write_bytes(lines(comment("fine"), *late, comment("last")))
    told = json.loads(run(settings, server, file, "--json").stdout)
    assert (told["accepted"], told["repeated"], told["refused"], told["refused_lines_left_out"]) == (2, 0, 300, 0)
    assert [each["event_id"] for each in told["refused_lines"]] == [event.event_id for event in late]
    assert [each["line"] for each in told["refused_lines"]] == list(range(2, 302))


def test_refusals_beyond_what_is_kept_are_counted(
    settings: Settings, server: RecordingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.cli.events.MOST_LISTED", 30)
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"[]\n" * 40)
    told = json.loads(run(settings, server, file, "--json").stdout)
    assert (len(told["refused_lines"]), told["refused_lines_left_out"]) == (30, 10)


def test_a_number_that_is_none_is_told_with_its_line_event_and_field(
    settings: Settings, server: RecordingServer, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(comment("fine"), b'{"event_id": "e-7", "points": NaN}\n'))
    result = run(settings, server, file)
    assert result.exit_code == 1
    told = "line 2  event e-7  INVALID  points is NaN: a number must be finite, for example 1.5"
    assert told in " ".join(result.stderr.split("\n"))


def test_of_an_unknown_kind_those_are_told_that_may_be_loaded(settings: Settings, server: RecordingServer) -> None:
    wrong = b'{"event_id": "u", "account_id": "a", "kind": "NOPE", "occurred_at": "2026-03-01T12:00:00Z"}\n'
    [told] = json.loads(run(settings, server, "-", "--json", standard_input=wrong).stdout)["refused_lines"]
    assert told["field"] == "kind"
    assert set(told["message"].removeprefix("must be one of ").split(", ")) == set(EventKind) - {EventKind.DECISION}
    decision = AccountEvent("d", "a", EventKind.DECISION, NOW, subject_id="c", action="BLOCK")
    [told] = json.loads(run(settings, server, "-", "--json", standard_input=lines(decision)).stdout)["refused_lines"]
    assert (told["event_id"], told["reason"]) == ("d", "INVALID")


def test_late_events_are_for_a_backfill(settings: Settings, server: RecordingServer, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(dataclasses.replace(comment("late"), occurred_at=NOW - timedelta(days=30))))
    assert run(settings, server, file).exit_code == 1
    assert run(settings, server, file, "--backfill").exit_code == 0


def test_line_numbers_hold_over_parts_and_progress_is_told(
    server: RecordingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.client.blocking_events.LEG_EVENTS", 3)
    file = tmp_path / "events.jsonl"
    wrong = [dataclasses.replace(comment(f"w-{at}"), subject_id="") for at in range(4)]
    file.write_bytes(lines(*(each for at in range(4) for each in (comment(f"e-{at}"), b"\n", wrong[at]))))
    report, seen = LoadReport(), list[int]()
    with TidegateClient(server.address) as client, opened(file) as source:
        load(client, source, report, backfill=False, progress=lambda each: seen.append(each.count))
        assert source.read_bytes() == source.size_bytes
    assert seen == [3, 6, 8]
    assert [line.number for line in report.refused] == [3, 6, 9, 12]


def test_a_report_by_the_account_itself_is_refused_and_the_rest_is_recorded(
    settings: Settings, server: RecordingServer
) -> None:
    own = AccountEvent("own", "a", EventKind.REPORT_RECEIVED, NOW, counterpart_id="a")
    by_another = dataclasses.replace(own, event_id="other", counterpart_id="b")
    result = run(settings, server, "-", "--json", standard_input=lines(own, by_another))
    assert result.exit_code == 1
    [told] = json.loads(result.stdout)["refused_lines"]
    assert (told["line"], told["reason"], told["field"]) == (1, "INVALID", "counterpart_id")
    assert "another account" in told["message"]
    assert server.events("a") == ["other"]


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
