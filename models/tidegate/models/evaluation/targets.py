"""The rows of `build/bench/models.json`: each target, whether it holds, the nearest measure where it is not ours."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tidegate.models.evaluation.bench_row import Row, at_most, shown
from tidegate.models.training.examples import LABELS

Document = Mapping[str, Any]

_POOLED: Final = "all sources"
_NOT_OURS: Final = "not measured: a benchmark that is not ours to have"
_BENCHMARK: Final = {
    "any_harm": 0.76,
    "sexual": 0.87,
    "hate": 0.66,
    "self_harm": 0.65,
    "harassment": 0.45,
    "threat": 0.45,
}
_SUITE: Final = {"accuracy": 0.82, "macro-F1": 0.78, "worst class": 0.40}


def text_harm_rows(document: Document) -> Iterator[Row]:
    """Yields every target of `text_harm`, each followed by the nearest measure where it is not ours to take."""
    yield from _benchmark_rows(document)
    yield from _suite_rows(document)
    yield from _policy_rows(document)
    bias = {one["label"]: one for one in document["bias"]}
    yield at_most("text_harm false-positive gap between identity terms, hate", bias["hate"]["gap"], 0.05, "share")
    yield at_most(
        "text_harm false-positive gap between identity terms, any harm", bias["any_harm"]["gap"], 0.05, "share"
    )
    yield shown("text_harm mean-score gap between identity terms, hate", bias["hate"]["mean_score_gap"], "probability")
    robustness = document["robustness"]
    yield at_most("text_harm drop in recall, mean of all evasions and texts", robustness["mean_drop"], 0.10, "share")
    by_evasion: dict[str, list[tuple[float, int]]] = {}
    for one in robustness["results"]:
        drop = one["recall_before"] - one["recall_after"]
        by_evasion.setdefault(one["evasion"], []).append((drop, one["texts"]))
    for evasion, drops in by_evasion.items():
        mean = sum(drop * texts for drop, texts in drops) / sum(texts for _, texts in drops)
        yield at_most(f"text_harm drop in recall, {evasion.replace('_', ' ')}", round(mean, 4), 0.10, "share")
    yield from _calibration_rows(document)
    yield from _cost_rows(document)


def _benchmark_rows(document: Document) -> Iterator[Row]:
    quality = {one["label"]: one for one in document["quality"] if one["slice"] == _POOLED}
    for label, bound in _BENCHMARK.items():
        yield Row(f"text_harm {label} AUPRC, moderation benchmark", None, _NOT_OURS, f">= {bound:g}", None)
        found = quality[label]
        sizes = f"{found['positives']:,} positive, {found['negatives']:,} negative"
        yield shown(f"text_harm {label} AUPRC, held-out texts of all sources ({sizes})", found["auprc"], "AUPRC")


def _suite_rows(document: Document) -> Iterator[Row]:
    functional = document["functional"]
    texts = sum(one["texts"] for one in functional["classes"])
    own = {
        "accuracy": functional["accuracy"],
        "macro-F1": functional["macro_f1"],
        "worst class": functional["worst_share"],
    }
    for name, bound in _SUITE.items():
        yield Row(f"text_harm hate at 0.5, functional suite: {name}", None, _NOT_OURS, f">= {bound:g}", None)
        yield shown(f"text_harm hate at 0.5, our {texts} functional sentences: {name}", own[name], "share")


def _policy_rows(document: Document) -> Iterator[Row]:
    found = {(one["texts"], one["surface"]): one for one in document["policy"]}
    for name, bound, ours in (
        ("safe prompts that look unsafe", 0.15, "look-alike prompts"),
        ("titles of well-known songs", 0.02, "invented titles"),
    ):
        yield Row(f"comment policy on {name}: held or blocked", None, _NOT_OURS, f"<= {bound:g}", None)
        one = found[ours, "comment"]
        yield shown(f"comment policy on our {one['count']} {ours}: held or blocked", one["held_share"], "share")


def _calibration_rows(document: Document) -> Iterator[Row]:
    quality = {one["label"]: one for one in document["quality"] if one["slice"] == _POOLED}
    for label in LABELS:
        yield at_most(
            f"text_harm {label} ECE, held-out texts of all sources", quality[label]["ece"], 0.03, "probability"
        )
    unseen = [one for one in document["quality"] if one["slice"] == "sources never trained on" and one["positives"]]
    for one in unseen:
        if one["label"] in LABELS and one["ece"] is not None and one["auprc"] is not None:
            yield at_most(f"text_harm {one['label']} ECE, sources never trained on", one["ece"], 0.03, "probability")


def _cost_rows(document: Document) -> Iterator[Row]:
    costs = {(one["precision"], one["tokens"], one["batch"]): one["ms_per_text"] for one in document["cost"]}
    yield at_most("text_harm int8, 32 tokens, batch 8, one core", costs["int8", 32, 8], 2.0, "ms per text")
    yield shown("text_harm int8, 32 tokens, batch 1, one core", costs["int8", 32, 1], "ms per text")
    yield shown("text_harm fp32, 32 tokens, batch 8, one core", costs["fp32", 32, 8], "ms per text")
    losses = document["precision"]["auprc"]
    yield at_most("text_harm any_harm AUPRC lost by int8", losses["any_harm"]["loss"], 0.005, "AUPRC")
    for label in LABELS:
        yield at_most(f"text_harm {label} AUPRC lost by int8", losses[label]["loss"], 0.005, "AUPRC")
