"""What is written about a measured detector: rows of targets, the card, its plots and the page."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.models.measured_document import SPEC, measured_document
from tests.models.running_triton import ROOT
from tidegate.models.catalogue import catalogue
from tidegate.models.evaluation import plots, report
from tidegate.models.evaluation.bench_row import Row
from tidegate.models.evaluation.card import card
from tidegate.models.evaluation.other_detectors import metrics_of, other_rows
from tidegate.models.evaluation.page import page
from tidegate.models.evaluation.targets import text_harm_rows
from tidegate.models.training.sources.catalogue import SOURCES

METRICS = metrics_of(SPEC) or {}


def rows_of(document: Mapping[str, Any]) -> dict[str, Row]:
    return {row.measure: row for row in text_harm_rows(document)}


def test_what_can_not_be_measured_has_no_value_and_never_holds() -> None:
    missing = [row for row in text_harm_rows(measured_document()) if row.value is None]
    assert len(missing) == 6 + 3 + 2
    assert all(row.holds is None and row.target is not None for row in missing)


def test_the_nearest_measure_of_such_a_benchmark_claims_nothing() -> None:
    rows = rows_of(measured_document())
    nearest = [row for name, row in rows.items() if " our " in name or "held-out texts of all sources (" in name]
    assert len(nearest) == 6 + 3 + 2
    assert all(row.value is not None and row.target is None and row.holds is None for row in nearest)


def test_a_measured_target_holds_up_to_its_bound() -> None:
    bias = measured_document()["bias"]
    for gap, holds in ((0.05, True), (0.0501, False)):
        rows = rows_of(measured_document(bias=[one | {"gap": gap} for one in bias]))
        row = rows["text_harm false-positive gap between identity terms, hate"]
        assert (row.value, row.target, row.holds) == (gap, "<= 0.05", holds)


def test_every_measure_has_one_row() -> None:
    rows = [*text_harm_rows(measured_document()), *other_rows(catalogue(), bench=Path("none"))]
    names = [row.measure for row in rows]
    assert len(set(names)) == len(names)
    assert all(set(asdict(row)) == {"measure", "value", "unit", "target", "holds"} for row in rows)


def test_without_its_benchmark_the_search_among_images_has_no_value(tmp_path: Path) -> None:
    (row,) = [one for one in other_rows(catalogue(), bench=tmp_path) if one.measure.startswith("image_match")]
    assert (row.value, row.holds) == (None, None)


def test_rows_of_the_search_are_taken_over_as_they_stand(tmp_path: Path) -> None:
    found = {"measure": "search, CPU", "value": 2.5, "unit": "ms", "target": 20.0, "holds": True}
    (tmp_path / "hash_search.json").write_text(json.dumps([found]))
    (row,) = [one for one in other_rows(catalogue(), bench=tmp_path) if one.measure.startswith("image_match")]
    assert (row.value, row.target, row.holds) == (2.5, "<= 20", True)


def test_the_card_names_every_source_and_leaves_no_blank() -> None:
    text = card(SPEC, measured_document(), METRICS, plots="plots", earlier=[measured_document(version="0")])
    assert "$" not in text
    assert all(f"{one.upstream} | {one.licence}" in text for one in SOURCES)
    for heading in ("Intended use", "Unfit uses", "Known harms", "## Data", "## Measured", "## Limits"):
        assert heading in text
    assert f"{SPEC.name} {SPEC.version} | {SPEC.name} 0 |" in text


def test_the_card_shows_what_was_measured() -> None:
    bias = measured_document()["bias"]
    text = card(SPEC, measured_document(bias=[one | {"gap": 0.1234} for one in bias]), METRICS, plots="plots")
    assert "hate 0.123, any harm 0.123" in text


def test_the_committed_card_is_the_one_that_its_measurements_make() -> None:
    kept = SPEC.folder() / "evaluation.json"
    document = json.loads(kept.read_text(encoding="utf-8"))
    assert document["weights_sha256"] == SPEC.weights_sha256
    made = card(SPEC, document, METRICS, plots="plots", earlier=report.earlier_documents(SPEC))
    assert (ROOT / SPEC.card).read_text(encoding="utf-8") == made


def test_the_cards_plots_are_there() -> None:
    text = (ROOT / SPEC.card).read_text(encoding="utf-8")
    linked = re.findall(r"\]\((plots/[^)]+)\)", text)
    assert linked
    assert all((ROOT / "models" / "cards" / path).stat().st_size < 300_000 for path in linked)


@pytest.mark.parametrize(
    "draw",
    [
        plots.precision_recall,
        plots.reliability,
        plots.functional,
        plots.bias,
        plots.robustness,
        plots.quality_and_cost,
    ],
)
def test_equal_documents_draw_equal_plots(draw: Any) -> None:
    first, second = plots.svg(draw(measured_document())), plots.svg(draw(measured_document()))
    assert first == second
    assert first.count("<svg") == 1


def test_the_page_speaks_of_every_live_detector_and_needs_no_network() -> None:
    live = list(catalogue().values())
    rows = [asdict(row) for row in text_harm_rows(measured_document())]
    metrics = {"image_unsafe": {"false_alarms": [{"source": "<b>", "n": 12021}], "nested": {"a": {"b": 1}}}}
    text = page(live, measured_document(), rows, metrics)
    assert all(f'id="{one.name}"' in text for one in live)
    assert not re.search(r"""(?:src|href)=["'](?!#)""", re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL))
    assert "&lt;b&gt;" in text
    assert "12,021" in text


def test_the_report_refuses_measurements_of_other_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models-measured.json").write_text(json.dumps(measured_document(weights_sha256="0" * 64)))
    assert report.main(["--bench", str(tmp_path), "--cards", str(tmp_path), "--no-keep"]) == 2
    assert "other weights" in capsys.readouterr().err


def test_the_report_says_what_to_run_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main(["--bench", str(tmp_path), "--cards", str(tmp_path)]) == 2
    assert "make bench-models" in capsys.readouterr().err


def test_the_report_writes_card_plots_and_page(tmp_path: Path) -> None:
    (tmp_path / "models-measured.json").write_text(json.dumps(measured_document()))
    (tmp_path / "models.json").write_text("[]")
    assert report.main(["--bench", str(tmp_path), "--cards", str(tmp_path / "cards"), "--no-keep"]) == 0
    assert (tmp_path / "models.html").is_file()
    assert (tmp_path / "cards" / "text_harm.md").is_file()
    assert len(list((tmp_path / "cards" / "plots").iterdir())) == 7


def test_what_is_kept_holds_no_single_times() -> None:
    kept = report.without_samples(measured_document())
    assert all("samples_ms" not in one for one in kept["cost"])
    assert kept["cost"][0]["ms_per_text"]
    assert json.loads(report.by_lines(kept)) == kept
