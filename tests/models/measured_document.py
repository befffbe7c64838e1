"""A measured document with made-up numbers, of the shape that `assessment.assess` and `comparison` return."""

from typing import Any

from tidegate.models.catalogue import catalogue
from tidegate.models.evaluation import sets
from tidegate.models.evaluation.assessment import own_sets
from tidegate.models.training.evasions import Evasion
from tidegate.models.training.examples import LABELS

ALL = (*LABELS, "any_harm")
SPEC = catalogue()["text_harm"]


def measured_document(**changes: Any) -> dict[str, Any]:
    """Every figure is good, unless `changes` replace parts."""
    document: dict[str, Any] = {
        "detector": SPEC.name,
        "version": SPEC.version,
        "weights_sha256": SPEC.weights_sha256,
        "effort": {"seed": 7, "per_source": 4000, "timing_rounds": 60, "baseline_training": 12000},
        "machine": {"processor": "a processor", "cores": 2, "python": "3.11", "onnxruntime": "1.32.0"},
        "held_out_texts": 1000,
        "quality": [_quality(label, name) for label in ALL for name in _SLICES],
        "curves": [_curves(label) for label in ALL],
        "functional": _functional(),
        "bias": [_bias(label) for label in ("hate", "any_harm")],
        "policy": [
            _policy("look-alike prompts", "comment"),
            _policy("invented titles", "comment"),
            _policy("invented titles", "playlist"),
        ],
        "robustness": {"mean_drop": 0.05, "results": [_evasion(label, one) for label in LABELS for one in Evasion]},
        "languages": [_language(code, source) for code, source in _LANGUAGES],
        "english_kept_away": 0.002,
        "precision": {
            "texts": 600,
            "largest_difference": 0.04,
            "auprc": {label: {"fp32": 0.91, "int8": 0.909, "loss": 0.001} for label in ALL},
        },
        "cost": [_cost(*cell) for cell in _CELLS],
        "size": [{"precision": "fp32", "size_bytes": 84_000_000}, {"precision": "int8", "size_bytes": 21_000_000}],
        "text_to_score_ms": {"fp32": 4.5, "int8": 2.5},
        "baselines": [_baseline("a baseline")],
        "learning_curve": [_baseline("a baseline") | {"trained_on": count} for count in (1_000, 2_000)],
        "nearness": [_nearness(name, len(texts)) for name, texts in own_sets().items()],
        "took_s": 600,
    }
    return document | changes


_SLICES = (
    "all sources",
    "sources never trained on",
    "davidson",
    "dynahate",
    "hatemoji",
    "toxic_spans",
    "context_toxicity",
    "1-4 words",
    "65+ words",
)
_LANGUAGES = (("de", "germeval2018"), ("zh", "cold_zh"), ("fr", "mlma"), ("ar", "mlma"))
_CELLS = [(precision, tokens, batch) for precision in ("fp32", "int8") for tokens in (16, 32) for batch in (1, 8)]


def _quality(label: str, name: str) -> dict[str, Any]:
    return {
        "label": label,
        "slice": name,
        "positives": 120,
        "negatives": 480,
        "auprc": 0.909,
        "roc_auc": 0.97,
        "precision_at_recall_50": 0.95,
        "precision_at_recall_80": 0.9,
        "ece": 0.02,
        "recall_at_4": 0.8,
        "precision_at_4": 0.9,
        "false_alarms_at_4": 0.01,
    }


def _curves(label: str) -> dict[str, Any]:
    bins = [{"mean_score": one / 10, "share_positive": one / 10, "texts": 60} for one in range(10)]
    return {"label": label, "recall": [0.1, 0.5, 1.0], "precision": [1.0, 0.9, 0.4], "reliability": bins}


def _functional() -> dict[str, Any]:
    classes = [
        {"name": one.name, "hate": one.hate, "texts": len(one.texts), "right": len(one.texts) - 1}
        for one in sets.functional_classes()
    ]
    share = 6 / 7
    return {
        "accuracy": share,
        "macro_f1": share,
        "worst_class": classes[0]["name"],
        "worst_share": share,
        "classes": classes,
    }


def _bias(label: str) -> dict[str, Any]:
    terms = [{"term": term, "false_positive_rate": 0.0, "mean_score": 0.05} for term in sets.identity_terms()]
    return {"label": label, "templates": 26, "gap": 0.0385, "mean_score_gap": 0.06, "terms": terms}


def _policy(texts: str, surface: str) -> dict[str, Any]:
    return {
        "texts": texts,
        "surface": surface,
        "policy": f"{surface}s 1",
        "count": 100,
        "held_share": 0.01,
        "actions": {"ALLOW": 99, "REVIEW": 1},
        "rules": {"hate_likely": 1},
    }


def _evasion(label: str, evasion: Evasion) -> dict[str, Any]:
    return {"label": label, "evasion": evasion.value, "texts": 50, "recall_before": 0.8, "recall_after": 0.75}


def _language(code: str, source: str) -> dict[str, Any]:
    return {
        "language": code,
        "source": source,
        "offensive": 300,
        "fine": 700,
        "roc_auc": 0.58,
        "recall_at_4": 0.04,
        "false_alarms_at_4": 0.01,
        "kept_away": 0.97,
    }


def _cost(precision: str, tokens: int, batch: int) -> dict[str, Any]:
    return {
        "precision": precision,
        "tokens": tokens,
        "batch": batch,
        "ms_per_text": 1.9 if precision == "int8" else 4.0,
        "wall_ms_per_text": 2.0,
        "samples_ms": [1.9, 1.8, 2.0],
    }


def _baseline(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "auprc": dict.fromkeys(ALL, 0.7),
        "roc_auc": dict.fromkeys(ALL, 0.8),
        "ms_per_text": 3.0,
        "size_bytes": 900_000,
        "trained_on": 0,
    }


def _nearness(name: str, count: int) -> dict[str, Any]:
    return {"texts": name, "count": count, "training_texts": 99_000, "highest": 0.7, "mean": 0.3, "near": 0}
