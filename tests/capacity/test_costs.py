"""The measured costs that come with Tidegate, and those that others make of their own runs."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidegate.capacity.bench_results import COMMANDS, BenchError, Result, refreshed
from tidegate.capacity.costs import REQUIRED, Costs, CostsError
from tidegate.capacity.costs_file import SHIPPED, read_costs, written

CHECKOUT = Path(__file__).parents[2]
DAY = date(2030, 1, 2)


def test_every_shipped_figure_has_a_command_a_source_and_a_day() -> None:
    costs = read_costs(SHIPPED)
    assert set(costs.figures) == set(REQUIRED)
    for figure in costs.figures.values():
        assert figure.value > 0
        assert figure.command.removeprefix("TIDEGATE_NEARBY_CALLS=false ").split()[0] in {"make", "python", "none:"}
        assert figure.cited().endswith(figure.measured_on.isoformat())
    assert "no GPU" in costs.machine


def test_figures_that_are_quoted_from_a_page_stand_there() -> None:
    costs = read_costs(SHIPPED)
    quoted = [figure for figure in costs.figures.values() if figure.source.endswith(".md")]
    assert quoted
    for figure in quoted:
        page = (CHECKOUT / figure.source).read_text()
        assert re.search(rf"(?<![\d.]){re.escape(f'{figure.value:,g}')}(?![\d.]*\d)", page), figure


def test_make_targets_that_are_named_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    commands = " & ".join(figure.command for figure in read_costs(SHIPPED).figures.values())
    named = set(re.findall(r"\bmake ([a-z-]+)", commands))
    assert {"compare", "bench-ledger"} <= named <= targets


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    costs, path = read_costs(SHIPPED), tmp_path / "costs.yaml"
    path.write_text(written(costs))
    again = read_costs(path)
    assert (again.figures, again.machine) == (costs.figures, costs.machine)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda figures: figures.pop("redis.lookup_us"), "figures.redis.lookup_us: is missing"),
        (lambda figures: figures.update({"gpu.rate": figures["redis.lookup_us"]}), "figures.gpu.rate: is not known"),
        (lambda figures: figures["redis.lookup_us"].pop("command"), "figures.redis.lookup_us.command: is required"),
        (lambda figures: figures["redis.lookup_us"].update(value=-1), "figures.redis.lookup_us.value: Input should be"),
    ],
)
def test_a_wrong_file_is_told_by_figure(tmp_path: Path, change: Any, told: str) -> None:
    document = read_costs(SHIPPED).as_document()
    change(document["figures"])
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(CostsError) as error:
        read_costs(path)
    assert told in str(error.value)
    assert "mine.yaml" in str(error.value)


def cell(contender: str, detector: str, kind: str, in_flight: int, router_ms: float) -> dict[str, Any]:
    """One cell of `compare_samples.json`, as `make compare` writes it."""
    spent = {"ModerationRouter": router_ms, "HAProxy": 0.2, "Triton": 5.0, "TextDetectors": 1.0, "FeatureLookup": 0.5}
    spent |= {"AccountSignals": 0.25, "Ray's raylet": 0.1, "Ray's agents": 0.3, "load generator": 9.0}
    return {
        "contender": contender,
        "detector": detector,
        "kind": kind,
        "in_flight": in_flight,
        "note": "",
        "items_per_s": 100.0,
        "cpu_ms_per_item": spent,
    }


def compared() -> dict[str, Any]:
    cells = [
        cell(contender, detector, kind, in_flight, router_ms)
        for contender in ("distributed", "colocated")
        for detector in ("text_harm", "text_spam")
        for kind, in_flight in (("unary", 32), ("stream", 128))
        for router_ms in (1.0, 2.0, 9.0)
    ]
    traced = [each | {"note": "100 % traced", "cpu_ms_per_item": {}} for each in cells]
    return {"machine": {}, "nearby_calls": False, "cells": cells + traced}


def test_cpu_time_by_hop_is_the_median_of_untraced_repeats() -> None:
    before = read_costs(SHIPPED)
    made = refreshed(before, {"compare_samples.json": Result(compared(), DAY)}, machine="a quiet one")
    assert made.costs["distributed.unary.router_ms"].value == 2.0
    assert made.costs["distributed.stream.triton.text_spam_ms"].value == 5.0
    assert made.costs["node.ray_cores"].value == pytest.approx(0.04)
    assert made.costs["distributed.unary.router_ms"].measured_on == DAY
    assert made.costs["redis.lookup_us"] == before["redis.lookup_us"]
    assert set(made.renewed) | set(made.kept) == set(REQUIRED)
    assert "a quiet one" in made.costs.machine
    assert Costs.of(yaml.safe_load(written(made.costs))).figures == made.costs.figures


def test_a_comparison_of_stages_asked_directly_is_no_measure_of_a_fleet() -> None:
    near: dict[str, Any] = {**compared(), "nearby_calls": True}
    older: dict[str, Any] = {"machine": {}, "cells": []}
    for document in (near, older):
        with pytest.raises(BenchError, match=r"run `TIDEGATE_NEARBY_CALLS=false make compare`$"):
            refreshed(read_costs(SHIPPED), {"compare_samples.json": Result(document, DAY)}, machine="mine")


def test_a_row_is_found_by_what_it_measures_whatever_its_count() -> None:
    rows = [
        {"measure": "Redis memory per account, all views (listpack), again", "value": 3, "unit": "bytes"},
        {"measure": "Redis memory per account, all views (listpack)", "value": 1_000, "unit": "bytes"},
        {"measure": "events checked and durable, one process, batches of 500 (n = 7)", "value": 8_000, "unit": "1/s"},
    ]
    ledger = [
        {"measure": "durable appends, 32 callers with idempotency keys", "value": 5, "unit": "1/s"},
        {"measure": "durable appends, 32 callers", "value": 7_000, "unit": "1/s"},
    ]
    results = {"features.json": Result(rows, DAY), "ledger.json": Result(ledger, DAY)}
    made = refreshed(read_costs(SHIPPED), results, machine="mine")
    assert made.costs["ledger.appends_per_s"].value == 7_000
    assert made.costs["redis.bytes_per_account"].value == 1_000
    assert made.costs["event_log.events_per_s"].value == 8_000


@pytest.mark.parametrize(
    ("file", "document"),
    [("features.json", []), ("compare_samples.json", {"machine": {}, "nearby_calls": False, "cells": []})],
)
def test_results_that_lack_what_is_read_are_told_with_their_command(file: str, document: Any) -> None:
    with pytest.raises(BenchError) as error:
        refreshed(read_costs(SHIPPED), {file: Result(document, DAY)}, machine="mine")
    assert file in str(error.value)
    assert COMMANDS[file] in str(error.value)
