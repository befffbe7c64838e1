"""`tidegate trace`: what it shows, what it says when there is nothing to show, and its exit status."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.telemetry.waterfall_samples import A, B, trace_of_the_batchs_other_request, whole_trace
from tidegate.cli.trace import trace
from tidegate.telemetry.receiver.store import Retention, SpanStore

LONG_AGO_NS = 1_795_000_001 * 1_000_000_000

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command on a store with two traces that share a batch."""
    times = iter(range(LONG_AGO_NS, LONG_AGO_NS + 10))
    store = SpanStore(tmp_path / "s", clock_ns=lambda: next(times))
    store.add(whole_trace())
    store.add(trace_of_the_batchs_other_request())
    store.close()

    def runs(*arguments: str) -> Result:
        return CliRunner(env={"COLUMNS": "120"}).invoke(trace, ["--store", str(tmp_path / "s"), *arguments])

    return runs


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_trace_is_drawn(run: Run) -> None:
    result = run(A)
    assert result.exit_code == 0
    assert result.output.startswith(f"Trace {A}\n")
    assert "comment in SE → REVIEW" in result.output
    assert "└ tidegate.ledger.append" in result.output


def test_the_beginning_of_an_id_in_any_case_is_enough(run: Run) -> None:
    assert run("AAAA").output.startswith(f"Trace {A}\n")


def test_the_machine_form_has_every_hop_with_times_and_shares(run: Run) -> None:
    shown = answer(run(A, "--json"))
    assert (shown["trace_id"], shown["duration_ms"], shown["root"]) == (A, 20.0, "tidegate.client.Moderate")
    assert (shown["surface"], shown["market"], shown["action"]) == ("comment", "SE", "REVIEW")
    assert shown["spans_left_out"] == 0
    hops = {hop["name"]: hop for hop in shown["spans"]}
    assert len(hops) == 14
    gather = hops["tidegate.gather"]
    assert (gather["depth"], gather["start_ms"], gather["duration_ms"], gather["own_ms"]) == (2, 2.5, 12.0, 1.0)
    assert gather["parent_span_id"] == hops["tidegate.moderate"]["span_id"]
    assert hops["tidegate.text.score"]["attributes"]["tidegate.batch.size"] == 8


def test_the_machine_form_says_which_hops_are_a_shared_batchs(run: Run) -> None:
    hops = {hop["name"]: hop for hop in answer(run(B, "--json"))["spans"]}
    assert (hops["compute"]["shared_from"], hops["compute"]["trace_id"]) == (A, A)
    assert hops["tidegate.gather"]["shared_from"] is None


def test_the_last_trace_is_the_one_that_was_written_to_last(run: Run) -> None:
    assert answer(run("--last", "--json"))["trace_id"] == B


def test_recent_traces_are_listed_latest_first(run: Run) -> None:
    assert [entry["trace_id"] for entry in answer(run("--list", "--json"))] == [B, A]
    assert [entry["trace_id"] for entry in answer(run("--list", "--json", "--limit", "1"))] == [B]
    table = run("--list").output
    assert A in table
    assert "client.Moderate" in table


def test_hops_are_summed_up_over_the_recent_traces(run: Run) -> None:
    summary = answer(run("--summary", "--json"))
    assert summary["traces"] == 2
    append = next(hop for hop in summary["hops"] if hop["name"] == "tidegate.ledger.append")
    assert (append["count"], append["p50_ms"], append["p99_ms"]) == (2, 1.5, 2.5)
    assert append["share"] > 0


def test_the_share_of_a_hop_has_one_name_and_is_explained_beneath(run: Run) -> None:
    heading, *rows = run("--summary").output.splitlines()
    assert heading.split() == ["span", "service", "n", "p50", "ms", "p99", "ms", "share"]
    assert "tidegate.ledger.append" in "".join(rows)
    assert any(row.startswith("share: ") and "traces' time" in row for row in rows)
    assert "share" in run("--help").output
    assert "share: of the trace's time" in run(A).output


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_trace_that_isnt_there_is_said_and_the_status_tells(run: Run, as_json: list[str]) -> None:
    result = run("c" * 32, "--wait", "0", *as_json)
    assert result.exit_code == 1
    assert "not sampled" in result.stderr
    assert result.stdout == ""


def test_a_missing_store_is_said_and_the_status_tells(tmp_path: Path) -> None:
    result = CliRunner().invoke(trace, ["--store", str(tmp_path / "none"), A])
    assert result.exit_code == 1
    assert "There is no span store" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--last", "--list"], [A, "--last"], ["not-hex"], ["abc"], ["a" * 33]])
def test_misuse_is_told_from_failure(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_trace_that_was_cut_off_says_so(tmp_path: Path) -> None:
    store = SpanStore(tmp_path / "s", retention=Retention(max_spans_per_trace=10), clock_ns=lambda: LONG_AGO_NS)
    store.add(whole_trace())
    store.close()
    assert "4 more spans" in CliRunner().invoke(trace, ["--store", str(tmp_path / "s"), A]).output


def test_an_empty_store_is_no_failure_of_the_list_but_of_last(tmp_path: Path) -> None:
    SpanStore(tmp_path / "s").close()
    listed = CliRunner().invoke(trace, ["--store", str(tmp_path / "s"), "--list"])
    assert (listed.exit_code, listed.output) == (0, "There is no trace in the store yet.\n")
    assert CliRunner().invoke(trace, ["--store", str(tmp_path / "s"), "--last"]).exit_code == 1
