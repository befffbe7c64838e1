"""`tidegate capacity`: the plan, the simulation and the refresh, as a user calls them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from tidegate.capacity.bench_results import COMMANDS
from tidegate.capacity.costs_file import SHIPPED
from tidegate.cli.main import main


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(main, ["capacity", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_people_read_what_how_many_why_and_from_where() -> None:
    result = run("--items-per-second", "100000")
    assert result.exit_code == 0
    for expected in (
        "ModerationRouter",
        "100,000/s items x",
        "no GPU",
        "not told",
        "as it is built",
        "comment: 93.90% of items",
        "`TIDEGATE_NEARBY_CALLS=false make compare`, build/bench/compare_samples.json",
        "TB a day",
        "Gbit/s",
    ):
        assert expected in result.stdout, expected


def test_machines_get_everything_that_went_in_and_came_out() -> None:
    document = told("--items-per-second", "500", "--mix", "comment=1", "--gpu-texts-per-second", "250")
    assert document["demand"]["mix"]["surfaces"]["comment"]["share"] == 1
    needs = {(each["section"], each["what"]): each["amount"] for each in document["needs"]}
    assert needs["GPUs", "text_harm"] == 4
    assert document["sources"]["distributed.unary.router_ms"]["command"] == COMMANDS["compare_samples.json"]


def test_a_mix_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(yaml.safe_dump({"surfaces": {"playlist": {"share": 1, "images": 1}}, "read_images": 0}))
    names = [each["name"] for each in told("--items-per-second", "10", "--mix", str(path))["deployments"]]
    assert "ImageDetectors" in names
    assert "SpeechDetectors" not in names


def test_a_surface_that_a_file_names_twice_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("surfaces:\n  comment: {share: 0.5}\n  comment: {share: 1}\n")
    result = run("--items-per-second", "5", "--mix", str(path))
    assert result.exit_code == 1
    assert "key 'comment' is repeated" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--items-per-second is missing"),
        (("--items-per-second", "5", "--mix", "coment=1"), "allowed are comment, profile, playlist, podcast_episode"),
        (("--items-per-second", "5", "--mix", "no.yaml"), "no.yaml can't be read"),
        (("--items-per-second", "-5"), "items_per_second: Input should be greater than 0"),
        (("--items-per-second", "5", "--utilisation", "1"), "utilisation: Input should be less than 1"),
        (("--items-per-second", "5", "--costs", "no.yaml"), "no.yaml: can't be read"),
        (("simulate", "--spike-at-s", "5000"), "must lie within 0 to 1800 s"),
        (("simulate", "--deployment", "Router"), "is none of HAProxy, ModerationRouter"),
        (("simulate", "--least", "5", "--most", "2"), "--least 5 is above --most 2"),
        (("simulate", "--trace", "no.csv"), "no.csv can't be read"),
        (("simulate", "--duration-s", "1e9"), "'--duration-s': 1000000000.0 is not in the range 0<x<=604800"),
        (("simulate", "--seed", "-1"), "'--seed': -1 is not in the range x>=0"),
        (("simulate", "--items-per-second", "1e9"), "'--items-per-second': 1000000000.0 is not in the range"),
        (("simulate", "--spike-factor", "1e9"), "--spike-factor: 1e+12 items/s at the highest; at most 100,000,000"),
        (("simulate", "--replicas", "50000", "--most", "10"), "--replicas 50000 is above --most 10"),
        (("simulate", "--utilisation", "1e-300"), "'--utilisation': 1e-300 is not in the range 0.01<=x<1"),
        (("simulate", "--target", "1e-320"), "'--target': 1e-320 is not in the range x>=0.001"),
        (("simulate", "--scaler", "keda", "--utilisation", "0.01"), "Give --target, 0.001 at least"),
        (("simulate", "--replicas", "1"), "--replicas 1 is below --least 2"),
        (("simulate", "--most", "1000000000"), "'--most': 1000000000 is not in the range 1<=x<=100000"),
        (("simulate", "--engine", "events", "--items-per-second", "1e5"), "at most 10,000,000 can be played one"),
        (("simulate", "--mix", "comment=1,comment=0"), "--mix: comment is named twice; name each surface once"),
        (("simulate", "--start-up-s", "inf"), "--start-up-s: must be a finite number"),
        (("simulate", "--budget-ms", "nan"), "--budget-ms: must be a finite number"),
        (("simulate", "--items-per-second", "0"), "0"),
        (
            ("refresh", "--bench", "nowhere", "--out", "costs.yaml"),
            "holds nothing to read. Run any of `TIDEGATE_NEARBY_CALLS=false make compare`",
        ),
    ],
)
def test_what_is_wrong_is_told(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code in {1, 2}
    assert message in result.output


SMALL = ("simulate", "--items-per-second", "40", "--service-ms", "50", "--duration-s", "300", "--spike-for-s", "60")


def test_a_spike_is_played_and_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "spike.svg"
    result = run(*SMALL, "--spike-factor", "6", "--plot", str(picture))
    assert result.exit_code == 0, result.output
    assert "lost goodput" in result.stdout
    assert "every item played" in result.stdout
    drawn = picture.read_text()
    assert "items per second; lost" in drawn
    assert "cores that the items need" in drawn


def test_a_file_that_can_not_be_drawn_is_told(tmp_path: Path) -> None:
    result = run(*SMALL, "--plot", str(tmp_path / "spike.txt"))
    assert result.exit_code == 1
    assert "can't be drawn" in result.output


def test_the_same_seed_gives_the_same_answer() -> None:
    assert told(*SMALL) == told(*SMALL)
    assert told(*SMALL) != told(*SMALL, "--seed", "8")


def test_sooner_replicas_lose_less() -> None:
    late, soon = (told(*SMALL, "--spike-factor", "6", "--start-up-s", each) for each in ("60", "5"))
    assert late["lost_share"] > soon["lost_share"]


def test_a_trace_of_ones_own(tmp_path: Path) -> None:
    trace = tmp_path / "monday.csv"
    trace.write_text("at_s,items_per_s\n0,50\n60,400\n90,0\n120,0\n")
    document = told("simulate", "--trace", str(trace), "--service-ms", "10", "--scaler", "fixed", "--replicas", "2")
    assert document["peak_replicas"] == 2
    assert document["arrived"] == pytest.approx(50 * 60 + 400 * 30, rel=0.05)
    assert document["shed"] > 0


def test_what_was_not_done_in_its_time_is_lost() -> None:
    """Items of eleven days each: none is ever done, and all but those of the last second should have been."""
    asked = ("--service-ms", "1e9", "--shape", "steady", "--items-per-second", "10", "--duration-s", "30")
    for engine in ("events", "fluid"):
        document = told("simulate", *asked, "--engine", engine, "--replicas", "5")
        assert document["good"] == pytest.approx(0, abs=0.01)
        assert document["arrived"] * 0.9 < document["overdue"] + document["shed"] <= document["arrived"]
        lost = document["shed"] + document["late"] + document["overdue"]
        assert document["lost_share"] == pytest.approx(lost / document["arrived"])


def test_a_trace_as_spreadsheets_write_it(tmp_path: Path) -> None:
    trace = tmp_path / "monday.csv"
    trace.write_bytes(b"\xef\xbb\xbfat_s,items_per_s\r\n0,50\r\n60,0\r\n")
    assert told("simulate", "--trace", str(trace), "--service-ms", "10")["arrived"] > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("at_s,items_per_s\n0,1\n1e9,1\n", "--trace: ends at second 1e+09; a trace may last 604,800 s"),
        ("at_s,items_per_s\n0,1e12\n5,1\n", "--trace: 1e+12 items/s at the highest; at most 100,000,000"),
        ("seconds,rate\n0,1\n1,1\n", "line 1: must be the header at_s,items_per_s"),
        ("at_s,items_per_s\n0,1\n5,x\n", "line 3: must be two numbers"),
        ("at_s,items_per_s\n0,1\n5,1\n5,1\n", "line 4: at_s must be above"),
        ("at_s,items_per_s\n1,1\n5,1\n", "must begin at second 0"),
        ("at_s,items_per_s\n0,-1\n5,1\n", "must be at least 0"),
    ],
)
def test_a_wrong_line_of_a_trace_is_told(tmp_path: Path, text: str, message: str) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text(text)
    result = run("simulate", "--trace", str(trace))
    assert result.exit_code in {1, 2}
    assert message in result.output


def test_own_measurements_are_calculated_with(tmp_path: Path) -> None:
    rows = [
        {"measure": "hash a picture of 512 x 384, CPU", "value": 1.0, "unit": "ms"},
        {"measure": "search 1,000,000 hashes, 31 bits, CPU", "value": 70.0, "unit": "ms"},
    ]
    (tmp_path / "hash_search.json").write_text(json.dumps(rows))
    out = tmp_path / "mine.yaml"
    made = run("refresh", "--bench", str(tmp_path), "--machine", "our quiet one", "--out", str(out))
    assert made.exit_code == 0, made.output
    assert "2 figures of this machine" in made.output
    document = told("--items-per-second", "10", "--mix", "playlist=1", "--costs", str(out))
    assert document["machine"].startswith("our quiet one")
    assert document["sources"]["image.search_ms_per_million"]["value"] == 70
    assert yaml.safe_load(SHIPPED.read_text())["figures"]["image.search_ms_per_million"]["value"] != 70
