"""`tidegate moderate` against a real server in this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.cli.item_lines import line, lines
from tests.client.background_server import running
from tests.client.traced_text import TracedText
from tests.serving.in_process import ListedLedger, ScriptedFeatures, ScriptedText, Served, account, scored
from tidegate.cli.line_reader import lines_of
from tidegate.cli.moderate import moderate
from tidegate.moderation.decision import DecisionRecord
from tidegate.serving.settings import Settings, TelemetrySettings

ONE = ("--account", "a-1", "--market", "SE", "--surface", "comment")


class _RecordsLedger(ListedLedger):
    """Keeps the records, to see what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[DecisionRecord] = []

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        self.records.append(record)
        return await super().append(record)


@pytest.fixture
def ledger() -> _RecordsLedger:
    return _RecordsLedger()


@pytest.fixture
def served(ledger: _RecordsLedger) -> Iterator[Served]:
    text = ScriptedText(script=lambda words: scored(hate=7) if "vile" in words else scored())
    features = ScriptedFeatures(account(account_enforcement__strikes_90d=1))
    with running(text=text, features=features, ledger=ledger) as server:
        yield server


def run(served: Served, tmp_path: Path, *arguments: str) -> Result:
    settings = Settings(state_dir=tmp_path / "state")
    return CliRunner().invoke(moderate, [*arguments, "--address", served.address], obj=settings)


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(each) for each in result.stdout.splitlines()]


def test_one_decision_is_one_object_with_all_that_scripts_rely_on(served: Served, tmp_path: Path) -> None:
    result = run(served, tmp_path, "--text", "a vile word", *ONE, "--content-id", "c-1", "--json")
    assert result.exit_code == 0, "BLOCK is a decision"
    (decision,) = objects(result)
    assert decision["content_id"] == "c-1"
    assert (decision["action"], decision["completeness"]) == ("BLOCK", "COMPLETE")
    assert len(decision["trace_id"]) == 32
    assert decision["policy"].keys() == {"id", "version", "digest"}
    assert {"rule", "category", "action", "score", "threshold", "part"} <= decision["violations"][0].keys()
    assert {"name", "version", "status", "latency_ms", "scores", "severities"} <= decision["detectors"][0].keys()
    assert decision["detectors"][0]["severities"]["hate"] == 7
    assert decision["features"][0].keys() == {"name", "value", "freshness", "event_time"}
    assert (decision["features"][0]["value"], decision["features"][0]["freshness"]) == (1, "FRESH")
    assert decision["shadow"][0]["policy"]["id"] == "comments_trial"
    assert decision["hops"]["total"] > 0
    assert "explanation" not in decision
    assert result.stderr == ""


def test_people_get_a_drawing(served: Served, tmp_path: Path) -> None:
    result = run(served, tmp_path, "--text", "a vile word", *ONE, "--explain")
    assert result.exit_code == 0
    assert "BLOCK" in result.stdout
    assert "hate_severe" in result.stdout
    assert not result.stdout.startswith("{")


def test_every_option_reaches_the_decision(served: Served, ledger: _RecordsLedger, tmp_path: Path) -> None:
    image, audio = tmp_path / "cover.png", tmp_path / "clip.flac"
    image.write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
            "1f15c4890000000d49444154789c63606060f80f0001040100ab8d0d3e0000000049454e44ae426082"
        )
    )
    audio.write_bytes(b"fLaC" + b"\0" * 40)
    result = run(
        served,
        tmp_path,
        *("--text", "words", "--image", str(image), "--audio", str(audio), "--transcript", "said"),
        *("--account", "a-2", "--surface", "podcast_episode", "--market", "NO", "--language", "nb"),
        *("--source", "trusted_flagger", "--content-id", "episode-1", "--idempotency-key", "k-1", "--json"),
    )
    assert result.exit_code == 0, result.stderr
    (record,) = ledger.records
    inputs = record.inputs
    assert (record.account_id, record.content_id, record.idempotency_key) == ("a-2", "episode-1", "k-1")
    assert (inputs.surface, inputs.market, inputs.language, inputs.source) == (
        "podcast_episode",
        "NO",
        "nb",
        "trusted_flagger",
    )
    assert [part.kind for part in inputs.parts] == ["text", "image", "audio", "transcript"]


def test_several_images_and_clips_are_parts_of_their_own(
    served: Served, ledger: _RecordsLedger, tmp_path: Path
) -> None:
    image, audio = tmp_path / "cover.gif", tmp_path / "clip.flac"
    image.write_bytes(bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b"))
    audio.write_bytes(b"fLaC" + b"\0" * 40)
    files = (*("--image", str(image)) * 2, *("--audio", str(audio)) * 2)
    result = run(served, tmp_path, *files, *ONE, "--json")
    assert result.exit_code == 0, result.stderr
    assert [part.id for part in ledger.records[-1].inputs.parts] == ["image", "image-2", "audio", "audio-2"]


def test_the_same_key_gives_the_same_decision(served: Served, tmp_path: Path) -> None:
    arguments = ("--text", "x", *ONE, "--content-id", "c", "--idempotency-key", "k", "--json")
    (first,), (second,) = objects(run(served, tmp_path, *arguments)), objects(run(served, tmp_path, *arguments))
    assert first["decision_id"] == second["decision_id"]
    assert second["from_idempotency_key"]


def test_a_refusal_is_an_object_for_machines_and_exit_1(served: Served, tmp_path: Path) -> None:
    result = run(served, tmp_path, "--text", " ", "--account", "a", "--market", "XX", "--content-id", "c-1", "--json")
    assert result.exit_code == 1
    (refusal,) = objects(result)
    assert refusal.keys() == {"content_id", "error"}
    assert refusal["content_id"] == "c-1"
    assert refusal["error"].keys() == {"code", "message", "fields"}
    assert refusal["error"]["code"] == "INVALID_ARGUMENT"
    assert {each["field"] for each in refusal["error"]["fields"]} == {"item.market", "item.parts[0].text.text"}


def test_people_read_a_refusal_on_standard_error(served: Served, tmp_path: Path) -> None:
    result = run(served, tmp_path, "--text", " ", *ONE, "--content-id", "[red]c[/nonsense]")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "INVALID_ARGUMENT  [red]c[/nonsense]" in result.stderr
    assert "item.parts[0].text.text: must not be blank" in result.stderr


def test_the_budget_is_the_services(served: Served, tmp_path: Path) -> None:
    served.text.delay_s = 30
    (decision,) = objects(run(served, tmp_path, "--text", "x", *ONE, "--budget-ms", "60", "--json"))
    assert decision["detectors"][0]["status"] == "TIMED_OUT"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Give --file, or at least one of --text"),
        (("--text", "x"), "Give --account"),
        (("--text", "x", "--account", "a", "--surface", "COMMENT"), "is not one of 'comment'"),
        (("--text", "x", "--account", "a", "--source", "OWN_INITIATIVE"), "is not one of 'own_initiative'"),
        (("--text", "x", "--account", "a", "--budget-ms", "0"), "--budget-ms"),
        (("--image", "nowhere.png", "--account", "a"), "does not exist"),
        (("--file", "nowhere.jsonl"), "does not exist"),
    ],
)
def test_a_wrong_call_is_told_from_a_refused_item(
    served: Served, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(served, tmp_path, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


@pytest.mark.parametrize(
    "option", ["--text", "--account", "--surface", "--market", "--content-id", "--idempotency-key"]
)
def test_an_option_that_a_file_would_overrule_is_refused(served: Served, tmp_path: Path, option: str) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(lines(1))
    result = run(served, tmp_path, "--file", str(file), option, "comment")
    assert result.exit_code == 2
    assert f"leave out {option}" in result.stderr


def test_a_file_gives_one_line_per_item_and_tells_how_many_failed(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_bytes(
        b"\xef\xbb\xbf"
        + b"\r\n".join(
            [
                line("1").encode(),
                line("2", text="a vile word").encode(),
                b"not json",
                b"",
                line("3", surface="wall").encode(),
                line("4", market="XX").encode(),
                line("5", text="caf\u00e9").encode("latin-1"),
                line("6", text="caf\u00e9", language="fr").encode(),
                b'{"content_id": "7", "text": "caf\xe9"}',
                line("8", text=None, parts=[{"id": "a", "image_path": "gone.png"}]).encode(),
                line("9", text="x" * 3_000_000).encode(),
            ]
        )
    )
    result = run(served, tmp_path, "--file", str(file), "--json")
    told = objects(result)
    decided = {each["content_id"]: each["action"] for each in told if "decision_id" in each}
    refused = {each["content_id"] for each in told if "error" in each}
    assert decided == {"1": "ALLOW", "2": "BLOCK", "5": "ALLOW", "6": "ALLOW"}
    assert refused == {None, "3", "4", "8", "9"}
    assert len(told) == 10
    assert result.exit_code == 6
    assert result.stderr == ""


def test_a_line_of_10_mb_stops_nothing(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    long = line("long", text=None, parts=[{"id": f"p{n}", "x": "y" * 1_000_000} for n in range(10)])
    file.write_text(f"{line('before')}\n{long}\n{line('after')}\n")
    result = run(served, tmp_path, "--file", str(file), "--json")
    told = objects(result)
    assert {each["content_id"]: "error" in each for each in told} == {"before": False, "long": True, "after": False}
    assert result.exit_code == 1


def test_a_line_longer_than_can_be_sent_is_passed_over(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_of, "__kwdefaults__", {"longest_bytes": 1_000})
    file = tmp_path / "items.jsonl"
    file.write_text(f"{line('before')}\n{line('long', text='x' * 1_000)}\n{line('after')}\n")
    told = objects(run(served, tmp_path, "--file", str(file), "--json"))
    assert [each["error"]["code"] for each in told if "error" in each] == ["RESOURCE_EXHAUSTED"]
    assert {each["content_id"] for each in told} == {"before", None, "after"}


def test_paths_in_a_file_start_from_the_file(served: Served, ledger: _RecordsLedger, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "clip.flac").write_bytes(b"fLaC" + b"\0" * 40)
    file = folder / "items.jsonl"
    file.write_text(line(text=None, surface="podcast_episode", parts=[{"id": "clip", "audio_path": "clip.flac"}]))
    assert run(served, tmp_path, "--file", str(file), "--json").exit_code == 0
    assert ledger.records[0].inputs.parts[0].size_bytes == 44


def test_people_get_a_summary_and_the_first_refusals(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(lines(20) + line("v", text="vile") + "\n" + "nonsense\n" * 12)
    result = run(served, tmp_path, "--file", str(file))
    rows = [row.split()[:2] for row in result.stdout.splitlines()]
    assert ["ALLOW", "20"] in rows
    assert ["BLOCK", "1"] in rows
    assert ["refused", "12"] in rows
    assert result.stdout.startswith("33 items in ")
    assert result.stderr.count("INVALID_ARGUMENT") == 10
    assert "and 2 more" in result.stderr
    assert result.exit_code == 12


def test_the_exit_status_is_capped_where_it_would_wrap_around(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text("nonsense\n" * 256)
    result = run(served, tmp_path, "--file", str(file), "--json")
    assert result.exit_code == 250
    assert len(objects(result)) == 256


def test_an_empty_file_is_no_failure(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text("\n\n")
    result = run(served, tmp_path, "--file", str(file))
    assert result.exit_code == 0
    assert "0 items" in result.stdout


def test_one_item_is_traced_and_a_file_is_not(tmp_path: Path) -> None:
    """The flag itself: nothing listens at the collector's address, and that costs spans only."""
    text = TracedText()
    file, other = tmp_path / "items.jsonl", tmp_path / "others.jsonl"
    file.write_text(lines(1))
    other.write_text(lines(1).replace("song number", "another song"))
    settings = Settings(state_dir=tmp_path / "state", telemetry=TelemetrySettings(endpoint="http://127.0.0.1:9"))
    with running(text=text) as served:
        for arguments in (
            ("--text", "x", *ONE),
            ("--text", "y", *ONE, "--no-trace"),
            ("--file", str(file)),
            ("--file", str(other), "--trace"),
        ):
            result = CliRunner().invoke(moderate, [*arguments, "--address", served.address, "--json"], obj=settings)
            assert result.exit_code == 0
    assert [context.sampled for context in text.arrived] == [True, False, False, True]
