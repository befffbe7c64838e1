"""Served signals against a training set, an installed reference, or the week before, read off a real ledger."""

import json
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data_quality.stored import NOW, PLAN, POSTS, answer, decision, ledger_of, run
from tidegate.moderation.signals import Freshness

N = 400
BUSY = "account_enforcement__strikes_90d"


def training_set(path: Path) -> Path:
    """Posts 0 to 99 evenly, half of the plans premium; a quarter more rows of accounts that nobody knew."""
    rows = [
        {"account_known": True, POSTS: number % 100, PLAN: ("free", "premium")[number % 2], BUSY: 0}
        for number in range(4 * N)
    ]
    unknown = [{"account_known": False, POSTS: None, PLAN: None, BUSY: None}] * N
    pq.write_table(pa.Table.from_pylist(rows + unknown), path)
    return path


async def served(state: Path) -> None:
    """Posts as in training, every plan free, and strikes that are known of half of the accounts only."""
    records = [decision({POSTS: number % 100, PLAN: "free", BUSY: None if number % 2 else 0}) for number in range(N)]
    await ledger_of(state, records)


async def test_drift_against_a_training_set_names_what_moved_and_what_did_not(tmp_path: Path) -> None:
    await served(tmp_path)
    reference = training_set(tmp_path / "set.parquet")
    found = answer(tmp_path, "drift", "--reference", str(reference))
    assert found["decisions"] == N
    by_name = {one["feature"]: one for one in found["drift"]}
    assert [one["feature"] for one in found["drift"]] == [BUSY, PLAN, POSTS], "the furthest moved first"
    assert {name: one["verdict"] for name, one in by_name.items()} == {PLAN: "large", BUSY: "large", POSTS: "stable"}
    assert by_name[PLAN]["bins"] == ["free", "premium", "other", "unknown"]
    assert by_name[PLAN]["served"] == [N, 0, 0, 0]
    assert by_name[PLAN]["reference"] == [2 * N, 2 * N, 0, 0], "rows of unknown accounts say nothing of plans"
    assert by_name[BUSY]["served"][-1] == N // 2
    assert 0 < by_name[POSTS]["jensen_shannon_bits"] < by_name[PLAN]["jensen_shannon_bits"] < 1
    shown = run(tmp_path, "drift", "--reference", str(reference)).stdout
    [row] = [line.split() for line in shown.splitlines() if "strikes_90d" in line]
    assert (row[:3], row[-2:]) == (["enforcement", "strikes_90d", "large"], ["50.0%", "0.0%"])


async def test_an_installed_reference_is_compared_with_unless_something_else_is_named(tmp_path: Path) -> None:
    await served(tmp_path)
    made = answer(tmp_path, "reference", str(training_set(tmp_path / "set.parquet")))
    assert (made["rows"], made["features"]) == (4 * N, 3)
    installed = answer(tmp_path, "drift")
    assert installed["reference"] == "set.parquet, 1,600 rows"
    direct = answer(tmp_path, "drift", "--reference", str(tmp_path / "set.parquet"))
    assert installed["drift"] == direct["drift"]
    earlier = answer(tmp_path, "drift", "--before", "2026-03-01", "2026-03-11")
    assert earlier["reference"].startswith("served 2026-03-01")


async def test_without_a_reference_the_week_before_is_compared_with(tmp_path: Path) -> None:
    before = [decision({POSTS: number % 10}, at=NOW - timedelta(days=3)) for number in range(N)]
    after = [decision({POSTS: number % 10 + 50}) for number in range(N)]
    await ledger_of(tmp_path, before + after)
    found = answer(tmp_path, "drift")
    assert (found["drift"][0]["feature"], found["drift"][0]["verdict"]) == (POSTS, "large")
    assert sum(found["drift"][0]["reference"]) == N


async def test_what_policies_could_not_rely_on_is_in_the_last_bin(tmp_path: Path) -> None:
    fresh = [decision({POSTS: 1}) for _ in range(N)]
    stale = [decision({POSTS: 1}, freshness=Freshness.STALE) for _ in range(N)]
    await ledger_of(tmp_path, fresh + stale)
    found = answer(tmp_path, "drift", "--reference", str(training_set(tmp_path / "set.parquet")))
    [posts] = [one for one in found["drift"] if one["feature"] == POSTS]
    assert posts["served"][-1] == N


async def test_few_decisions_prove_nothing_and_how_many_are_needed_is_said(tmp_path: Path) -> None:
    await ledger_of(tmp_path, [decision({POSTS: 9}) for _ in range(20)])
    reference = ("--reference", str(training_set(tmp_path / "set.parquet")))
    found = answer(tmp_path, "drift", *reference)
    assert {one["verdict"] for one in found["drift"]} == {"too few"}
    assert [one["fewest_served"] for one in found["drift"]] == [229], "1 / (0.05 / 10 - 1 / 1,600), rounded up"
    done = run(tmp_path, "drift", *reference)
    assert done.exit_code == 0
    assert "1 compared: 1 not judged: too few decisions; from about 229 on" in done.stdout
    assert "PSI" not in done.stdout, "a figure that chance alone gives is not shown"


async def test_as_many_decisions_as_are_said_to_be_needed_are_judged(tmp_path: Path) -> None:
    reference = ("--reference", str(training_set(tmp_path / "set.parquet")))
    await ledger_of(tmp_path, [decision({POSTS: number % 100}) for number in range(228)])
    assert answer(tmp_path, "drift", *reference)["drift"][0]["verdict"] == "too few"
    await ledger_of(tmp_path, [decision({POSTS: 99})])
    assert answer(tmp_path, "drift", *reference)["drift"][0]["verdict"] == "stable"


async def test_with_nothing_to_compare_with_it_says_what_there_is_what_is_needed_and_what_to_do(tmp_path: Path) -> None:
    unknown = decision({POSTS: 9}, known=False)
    await ledger_of(tmp_path, [unknown, *(decision({POSTS: 9}) for _ in range(20))])
    for mode in ([], ["--json"]):
        done = run(tmp_path, "drift", *mode)
        assert (done.exit_code, done.stdout) == (1, "")
        assert "there is nothing to compare yet" in done.stderr
        [after, before] = [line for line in done.stderr.splitlines() if "known accounts" in line]
        assert after.startswith("  served  2026-03-09")
        assert after.endswith(": 21 decisions, 20 of them on known accounts")
        assert before.startswith("  before  2026-03-02")
        assert before.endswith(": 0 decisions, 0 of them on known accounts")
        assert "About 400 decisions on each side are needed" in done.stderr
        assert "tidegate features training-set --out set.parquet" in done.stderr


async def test_a_signal_that_a_policy_does_not_read_is_not_unknown_but_left_out(tmp_path: Path) -> None:
    """Decisions record what their policies read: comments here one signal, profiles another, strikes nobody."""
    comments = [decision({POSTS: number % 100}) for number in range(N)]
    profiles = [decision({PLAN: ("free", "premium")[number % 2]}) for number in range(N)]
    await ledger_of(tmp_path, comments + profiles)
    reference = ("--reference", str(training_set(tmp_path / "set.parquet")))
    found = answer(tmp_path, "drift", *reference)
    assert (found["decisions"], found["not_recorded"]) == (2 * N, [BUSY])
    assert {one["feature"]: (one["verdict"], sum(one["served"])) for one in found["drift"]} == {
        POSTS: ("stable", N),
        PLAN: ("stable", N),
    }
    shown = run(tmp_path, "drift", *reference).stdout
    assert "2 compared: 2 stable" in shown
    assert "left out: 1 of the reference's features that these decisions did not record" in shown


def test_a_training_set_with_few_rows_is_kept_with_a_warning_that_says_how_many_are_needed(tmp_path: Path) -> None:
    rows = [{"account_known": True, POSTS: number} for number in range(18)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "set.parquet")
    done = run(tmp_path, "reference", str(tmp_path / "set.parquet"), "--json")
    assert done.exit_code == 0
    assert (json.loads(done.stdout)["rows"], json.loads(done.stdout)["fewest_rows"]) == (18, 400)
    assert "warning: 18 rows on known accounts are few" in done.stderr
    assert "from 400 rows" in done.stderr
    assert not run(tmp_path, "reference", str(training_set(tmp_path / "set.parquet"))).stderr


async def test_a_reference_too_small_for_any_number_of_decisions_says_so(tmp_path: Path) -> None:
    await ledger_of(tmp_path, [decision({POSTS: number % 18}) for number in range(N)])
    rows = [{"account_known": True, POSTS: number} for number in range(18)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "set.parquet")
    shown = run(tmp_path, "drift", "--reference", str(tmp_path / "set.parquet")).stdout
    assert "the reference has too few rows, 18 where 400 are needed" in shown


def test_a_training_set_without_known_accounts_is_told(tmp_path: Path) -> None:
    pq.write_table(pa.table({"account_known": [False], POSTS: pa.array([None], pa.int64())}), tmp_path / "set.parquet")
    done = run(tmp_path, "reference", str(tmp_path / "set.parquet"))
    assert done.exit_code == 1
    assert "has no row on a known account" in done.stderr


@pytest.mark.parametrize(("name", "begins"), [("drift.png", b"\x89PNG"), ("drift.svg", b"<?xml")])
async def test_drift_is_drawn_in_the_format_that_the_name_asks_for(tmp_path: Path, name: str, begins: bytes) -> None:
    await served(tmp_path)
    reference = training_set(tmp_path / "set.parquet")
    done = run(tmp_path, "drift", "--reference", str(reference), "--plot", str(tmp_path / name))
    assert done.exit_code == 0, done.output
    drawn = (tmp_path / name).read_bytes()
    assert drawn.startswith(begins)
    assert len(drawn) > 5_000


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.parquet", None, "no readable Parquet file"),
        ("other.json", b'{"format": 1}', "is no reference"),
        ("newer.json", b'{"format": 9, "features": {}}', "make it again"),
        ("other.parquet", b"PAR1", "no readable Parquet file"),
    ],
)
async def test_a_file_that_is_no_reference_is_told(tmp_path: Path, name: str, content: bytes | None, told: str) -> None:
    await served(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = run(tmp_path, "drift", "--reference", str(tmp_path / name))
    assert done.exit_code == 1
    assert told in done.stderr


async def test_a_training_set_without_any_feature_is_told(tmp_path: Path) -> None:
    pq.write_table(pa.table({"posts": [1]}), tmp_path / "set.parquet")
    done = run(tmp_path, "reference", str(tmp_path / "set.parquet"))
    assert done.exit_code == 1
    assert "no column VIEW__FEATURE" in done.stderr


async def test_a_training_set_with_a_value_of_a_wrong_type_is_refused_with_its_row(tmp_path: Path) -> None:
    await served(tmp_path)
    path = tmp_path / "set.parquet"
    rows = {"account_known": [False, True, True], POSTS: [None, "7", "many"], PLAN: ["free"] * 3}
    pq.write_table(pa.table(rows), path)
    for command in (("drift", "--reference", str(path)), ("reference", str(path))):
        done = run(tmp_path, *command)
        assert done.exit_code == 1
        assert f"{path}, row 3: {POSTS} is 'many'; allowed is a whole number of 64 bits, or nothing" in done.stderr
    pq.write_table(pa.table({**rows, POSTS: [1, 2, 3], "account_known": ["perhaps"] * 3}), path)
    done = run(tmp_path, "drift", "--reference", str(path))
    assert "row 1: account_known is 'perhaps'; allowed is true or false" in done.stderr
