"""Writes the model card of `text_harm` from its measured document, its training metrics and the sources' catalogue."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any, Final

from tidegate.models.catalogue import DetectorSpec
from tidegate.models.evaluation import tables
from tidegate.models.evaluation.tables import Figures, markdown, share
from tidegate.models.training.sources.catalogue import SOURCES

Document = Mapping[str, Any]

_MEANINGS: Final = {
    "hate": "attacks or demeans people for who they are (origin, religion, gender, sexuality, disability, …)",
    "harassment": "insults or demeans a person",
    "threat": "announces or calls for violence against somebody",
    "sexual": "sexually explicit, or solicits it",
    "self_harm": "states, urges or asks how to do harm to oneself",
    "profanity": "holds a vulgar word or a slur, whatever the intention",
}
_USES: Final = {
    "davidson": "held out wholly",
    "hatemoji": "training; upstream test split held out",
    "edos": "training; upstream test split held out",
    "dynahate": "training (dev split); upstream test split held out",
    "sbic": "training (dev and test splits)",
    "toxigen": "training",
    "paradetox": "training",
    "toxic_spans": "training; one comment in ten held out",
    "convabuse": "training (one chatbot); the other chatbot held out",
    "ailuminate": "training; every fourth prompt held out",
    "red_instruct": "training",
    "context_toxicity": "training (gn); gc held out",
    "youtube_spam": "training (two videos, without spam); the third held out",
    "sms_spam": "training (a third, without spam); the rest held out",
    "awesome_podcasts": "held out wholly",
}
_TEMPLATE: Final = Path(__file__).resolve().parent / "card_template.md"
_HALF: Final = 0.5


def card(
    spec: DetectorSpec, document: Document, metrics: Document, *, plots: str, earlier: Sequence[Document] = ()
) -> str:
    """Returns the card as Markdown: the template, filled.

    Args:
        spec: the version.
        document: what `assessment.assess` and `comparison.comparison` measured of it.
        metrics: what training wrote beside the weights.
        plots: folder of the plots, as seen from the card.
        earlier: what was measured of other versions.
    """
    words = {
        "plots": plots,
        "file": f"{spec.name}_{spec.version}",
        **_described(spec, metrics),
        **_tables(document),
        **_figures(document),
        **_limits(document),
        "versions": markdown(tables.versions([document, *earlier])),
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(words)


def _described(spec: DetectorSpec, metrics: Document) -> dict[str, str]:
    origin, text, positives = spec.encoder_origin(), spec.text_input(), metrics["positives_in_training"]
    sources = tuple((one.name, one.upstream, one.licence, _USES[one.name]) for one in SOURCES)
    labels = tuple((label, _MEANINGS[label], f"{positives[label]:,}") for label in spec.labels)
    return {
        "detector": f"{spec.name} {spec.version}",
        "labels": markdown(Figures(("label", "means", "positives in training"), labels)),
        "layers": str(metrics["settings"].get("layers", origin.layers)),
        "all_layers": str(origin.layers),
        "encoder_licence": origin.licence,
        "encoder_package": origin.package,
        "encoder_version": origin.version,
        "size_mb": f"{spec.weights_path().stat().st_size / 1e6:.1f}",
        "licence": spec.licence,
        "normalisation": text.normalisation,
        "max_tokens": str(text.max_tokens),
        "overlap": str(text.window_overlap_tokens),
        "train": f"{metrics['examples']['train']:,}",
        "validation": f"{metrics['examples']['validation']:,}",
        "sources": markdown(Figures(("source", "upstream", "licence", "use"), sources)),
    }


def _tables(document: Document) -> dict[str, str]:
    made = (
        tables.by_label,
        tables.by_source,
        tables.by_length,
        tables.false_alarms,
        tables.policy,
        tables.robustness,
        tables.languages,
        tables.cost,
        tables.precision,
        tables.baselines,
        tables.nearness,
    )
    return {make.__name__: markdown(make(document)) for make in made}


def _figures(document: Document) -> dict[str, str]:
    effort, functional = document["effort"], document["functional"]
    bias = {one["label"]: one for one in document["bias"]}
    highest = (f"{one['term']} {one['mean_score']:.2f}" for one in bias["hate"]["terms"][:5])
    return {
        "seed": str(effort["seed"]),
        "per_source": f"{effort['per_source']:,}",
        "texts": f"{document['held_out_texts']:,}",
        "functional_texts": str(sum(one["texts"] for one in functional["classes"])),
        "functional_classes": str(len(functional["classes"])),
        "accuracy": f"{functional['accuracy']:.2f}",
        "macro_f1": f"{functional['macro_f1']:.2f}",
        "worst_share": f"{functional['worst_share']:.2f}",
        "worst_class": functional["worst_class"],
        "terms": str(len(bias["hate"]["terms"])),
        "templates": str(bias["hate"]["templates"]),
        "gap": f"{bias['hate']['gap']:.3f}",
        "any_gap": f"{bias['any_harm']['gap']:.3f}",
        "mean_gap": f"{bias['hate']['mean_score_gap']:.3f}",
        "highest_terms": ", ".join(highest),
        "mean_drop": f"{document['robustness']['mean_drop']:+.3f}",
        "english_kept_away": share(document["english_kept_away"]),
        "processor": document["machine"]["processor"],
        "onnxruntime": document["machine"]["onnxruntime"],
        "rounds": str(effort["timing_rounds"]),
        "compared": f"{document['precision']['texts']:,}",
        "baseline_training": f"{effort['baseline_training']:,}",
    }


def _limits(document: Document) -> dict[str, str]:
    slices = {(one["label"], one["slice"]): one for one in document["quality"]}

    def at_4(source: str) -> str:
        found = slices["hate", source]
        return f"recall {share(found['recall_at_4'])} at precision {share(found['precision_at_4'])}"

    weak = [one["name"] for one in document["functional"]["classes"] if one["right"] / one["texts"] <= _HALF]
    threat, sexual, self_harm = (slices[label, tables.POOLED] for label in ("threat", "sexual", "self_harm"))
    return {
        **{source: at_4(source) for source in ("dynahate", "hatemoji", "davidson", "toxic_spans")},
        "weak_classes": ", ".join(weak) or "none of those that we wrote",
        "threat_recall": share(threat["recall_at_4"]),
        "threat_positives": str(threat["positives"]),
        "sexual_positives": str(sexual["positives"]),
        "self_harm_positives": str(self_harm["positives"]),
    }
