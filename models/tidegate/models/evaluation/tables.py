"""Tables of a measured detector, as rows of strings: the card writes them as Markdown, the page as HTML."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate.models.evaluation.quality import LENGTHS

Document = Mapping[str, Any]

POOLED: Final = "all sources"
UNSEEN: Final = "sources never trained on"
_NONE: Final = "n/a"
LANGUAGES: Final = {"de": "German", "zh": "Chinese", "fr": "French", "ar": "Arabic"}


@dataclass(frozen=True, slots=True)
class Figures:
    """One table."""

    headings: tuple[str, ...]
    """Of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, ready to show."""


def by_label(document: Document) -> Figures:
    """Quality of each label over all held-out sources."""
    return _quality([one for one in document["quality"] if one["slice"] == POOLED], slices=False)


def by_source(document: Document) -> Figures:
    """Quality of each label on each source that has enough of both kinds."""
    aside = {POOLED, *LENGTHS}
    return _quality([one for one in document["quality"] if one["slice"] not in aside and one["auprc"] is not None])


def by_length(document: Document) -> Figures:
    """Quality of each label by length."""
    return _quality([one for one in document["quality"] if one["slice"] in LENGTHS and one["auprc"] is not None])


def false_alarms(document: Document) -> Figures:
    """Share of texts judged free of a label on which it reaches severity 4, where a source has no positives."""
    labels = list(dict.fromkeys(one["label"] for one in document["quality"]))
    found: dict[str, dict[str, float]] = {}
    for one in document["quality"]:
        if one["slice"] not in {POOLED, UNSEEN, *LENGTHS} and one["false_alarms_at_4"] is not None:
            found.setdefault(one["slice"], {})[one["label"]] = one["false_alarms_at_4"]
    rows = [
        (source, *(share(shares.get(label)) for label in labels))
        for source, shares in found.items()
        if len(shares) >= len(labels) - 2
    ]
    return Figures(("source", *(label.replace("_", " ") for label in labels)), tuple(rows))


def functional(document: Document) -> Figures:
    """Classes of sentences and how many come out right."""
    return Figures(
        ("class", "is it hate", "right"),
        tuple(
            (one["name"], "yes" if one["hate"] else "no", f"{one['right']} of {one['texts']}")
            for one in document["functional"]["classes"]
        ),
    )


def policy(document: Document) -> Figures:
    """What shipped policies do with harmless texts."""
    return Figures(
        ("texts", "policy", "n", "held or blocked", "actions"),
        tuple(
            (
                one["texts"],
                one["policy"],
                str(one["count"]),
                share(one["held_share"]),
                ", ".join(f"{action} {count}" for action, count in one["actions"].items()),
            )
            for one in document["policy"]
        ),
    )


def robustness(document: Document) -> Figures:
    """Recall at severity 4 lost to each evasion, by label."""
    results = document["robustness"]["results"]
    labels = list(dict.fromkeys(one["label"] for one in results))
    drops = {(one["evasion"], one["label"]): one["recall_before"] - one["recall_after"] for one in results}
    rows = [
        (evasion.replace("_", " "), *(f"{drops[evasion, label]:+.2f}" for label in labels))
        for evasion in dict.fromkeys(one["evasion"] for one in results)
    ]
    before = {one["label"]: (one["recall_before"], one["texts"]) for one in results}
    first = ("recall as written (n)", *(f"{before[label][0]:.2f} ({before[label][1]})" for label in labels))
    return Figures(("evasion", *(label.replace("_", " ") for label in labels)), (first, *rows))


def languages(document: Document) -> Figures:
    """Other languages, by the highest of all labels."""
    return Figures(
        (
            "language",
            "source",
            "offensive / fine",
            "ROC-AUC",
            "recall at 4",
            "false alarms at 4",
            "kept away by the gate",
        ),
        tuple(
            (
                LANGUAGES[one["language"]],
                one["source"],
                f"{one['offensive']:,} / {one['fine']:,}",
                number(one["roc_auc"]),
                share(one["recall_at_4"]),
                share(one["false_alarms_at_4"]),
                share(one["kept_away"]),
            )
            for one in document["languages"]
        ),
    )


def cost(document: Document) -> Figures:
    """Milliseconds a text on one thread."""
    costs = {(one["precision"], one["batch"], one["tokens"]): one["ms_per_text"] for one in document["cost"]}
    lengths = sorted({tokens for _, _, tokens in costs})
    sizes = {one["precision"]: one["size_bytes"] for one in document["size"]}
    rows = [
        (
            precision,
            str(batch),
            *(f"{costs[precision, batch, tokens]:.2f}" for tokens in lengths),
            f"{sizes[precision] / 1e6:.1f} MB",
        )
        for precision, batch in dict.fromkeys((precision, batch) for precision, batch, _ in costs)
    ]
    return Figures(("precision", "batch", *(f"{tokens} tokens" for tokens in lengths), "graph"), tuple(rows))


def precision(document: Document) -> Figures:
    """What int8 loses against fp32."""
    return Figures(
        ("label", "fp32 AUPRC", "int8 AUPRC", "lost"),
        tuple(
            (label.replace("_", " "), number(one["fp32"]), number(one["int8"]), number(one["loss"], digits=4))
            for label, one in document["precision"]["auprc"].items()
        ),
    )


def baselines(document: Document) -> Figures:
    """Average precision of baselines beside the detector."""
    pooled = {one["label"]: one["auprc"] for one in document["quality"] if one["slice"] == POOLED}
    labels, own_ms = list(pooled), document["text_to_score_ms"]["int8"]
    sizes = {one["precision"]: one["size_bytes"] for one in document["size"]}
    name = f"{document['detector']} {document['version']}, int8"
    first = (name, *(number(pooled[label]) for label in labels), f"{own_ms:.2f}", f"{sizes['int8'] / 1e6:.1f}")
    rows = [
        (
            one["name"],
            *(number(one["auprc"][label]) for label in labels),
            f"{one['ms_per_text']:.2f}",
            f"{one['size_bytes'] / 1e6:.1f}",
        )
        for one in document.get("baselines", ())
    ]
    return Figures(("", *(label.replace("_", " ") for label in labels), "ms a text", "MB"), (first, *rows))


def versions(documents: Sequence[Document]) -> Figures:
    """The same measures of several versions, newest first."""
    labels = list(dict.fromkeys(one["label"] for one in documents[0]["quality"]))
    measures: list[tuple[str, Callable[[Document], float | None]]] = [
        *((f"AUPRC, {label.replace('_', ' ')}", _pooled(label, "auprc")) for label in labels),
        ("recall at 4, threat", _pooled("threat", "recall_at_4")),
        ("functional classes, accuracy", lambda one: one["functional"]["accuracy"]),
        ("functional classes, worst", lambda one: one["functional"]["worst_share"]),
        ("look-alike prompts held or blocked", lambda one: one["policy"][0]["held_share"]),
        ("invented titles held or blocked", lambda one: one["policy"][1]["held_share"]),
        ("false-positive gap of identity terms, hate", lambda one: one["bias"][0]["gap"]),
        ("mean drop in recall under evasions", lambda one: one["robustness"]["mean_drop"]),
        ("milliseconds from text to scores", lambda one: one["text_to_score_ms"]["int8"]),
    ]
    rows = tuple((name, *(number(measure(one)) for one in documents)) for name, measure in measures)
    return Figures(("", *(f"{one['detector']} {one['version']}" for one in documents)), rows)


def _pooled(label: str, measure: str) -> Callable[[Document], float | None]:
    def found(document: Document) -> float | None:
        [one] = [one for one in document["quality"] if (one["label"], one["slice"]) == (label, POOLED)]
        value: float | None = one[measure]
        return value

    return found


def nearness(document: Document) -> Figures:
    """How near our own sentences come to training text."""
    return Figures(
        ("set", "n", "nearest", "mean of the nearest", "at 0.8 or above"),
        tuple(
            (one["texts"], str(one["count"]), number(one["highest"]), number(one["mean"]), str(one["near"]))
            for one in document.get("nearness", ())
        ),
    )


def number(value: float | None, *, digits: int = 3) -> str:
    """Returns a number, or n/a where there is none."""
    return _NONE if value is None else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """Returns a share in per cent, or n/a where there is none."""
    return _NONE if value is None else f"{value:.1%}"


def _quality(found: Sequence[Mapping[str, Any]], *, slices: bool = True) -> Figures:
    measures = ("auprc", "roc_auc", "precision_at_recall_50", "precision_at_recall_80", "ece")
    fixed = ("recall_at_4", "precision_at_4", "false_alarms_at_4")
    headings = (
        "AUPRC",
        "ROC-AUC",
        "P at R 0.5",
        "P at R 0.8",
        "ECE",
        "recall at 4",
        "precision at 4",
        "false alarms at 4",
    )
    rows = [
        (
            one["label"].replace("_", " "),
            *((one["slice"],) if slices else ()),
            f"{one['positives']:,} / {one['negatives']:,}",
            *(number(one[name]) for name in measures),
            *(share(one[name]) for name in fixed),
        )
        for one in found
    ]
    return Figures(("label", *(("texts",) if slices else ()), "positive / negative", *headings), tuple(rows))


def markdown(figures: Figures) -> str:
    """Returns a table as Markdown."""
    lines = [f"| {' | '.join(figures.headings)} |", "|" + "---|" * len(figures.headings)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in figures.rows)])
