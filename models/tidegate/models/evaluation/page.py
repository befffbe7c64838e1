"""The page about all detectors: one HTML file with its plots inside, readable offline."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from tidegate.models.catalogue import DetectorSpec
from tidegate.models.evaluation import plots, tables
from tidegate.models.evaluation.tables import Figures

Document = Mapping[str, Any]

_STYLE: Final = Path(__file__).resolve().parent / "page.css"


def page(
    specs: Sequence[DetectorSpec],
    document: Document,
    rows: Sequence[Mapping[str, Any]],
    others: Mapping[str, Document],
    *,
    earlier: Sequence[Document] = (),
) -> str:
    """Returns the page.

    Args:
        specs: the live detectors.
        document: what was measured of `text_harm`.
        rows: of `models.json`.
        others: the committed metrics of detectors that have programs of their own, by name.
        earlier: what was measured of other versions of `text_harm`.
    """
    sections = [_targets(rows)]
    sections += [
        _text_harm(one, document, earlier) if one.name == "text_harm" else _other(one, others) for one in specs
    ]
    links = "".join(f'<a href="#{one.name}">{escape(one.name)} {escape(one.version)}</a>' for one in specs)
    style = _STYLE.read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tidegate: how good the detectors are</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body><main><h1>How good the detectors are</h1>"
        '<p class="quiet">Measured on held-out data by <code>make bench-models</code>; every number has its n. '
        "What each detector is for, and what it is not for, is in its card.</p>"
        f'<nav><a href="#targets">targets</a>{links}</nav>{"".join(sections)}</main></body></html>\n'
    )


def _targets(rows: Sequence[Mapping[str, Any]]) -> str:
    marks = {True: '<span class="holds">holds</span>', False: '<span class="misses">misses</span>', None: ""}
    lines = "".join(
        f'<tr><td class="words">{escape(row["measure"])}</td><td class="number">{_value(row)}</td>'
        f"<td>{escape(row['target'] or '')}</td><td>{marks[row['holds']]}</td></tr>"
        for row in rows
    )
    held = sum(row["holds"] is True for row in rows)
    missed = sum(row["holds"] is False for row in rows)
    return (
        f'<section class="sheet" id="targets"><h2>Targets</h2><p>{held} hold, {missed} miss. "Not here": a benchmark '
        "that is not ours to have; the row beneath is the nearest thing that can be measured.</p>"
        '<div class="wide"><table><tr><th>measure</th><th>value</th><th>target</th><th></th></tr>'
        f"{lines}</table></div></section>"
    )


def _value(row: Mapping[str, Any]) -> str:
    return '<span class="quiet">not here</span>' if row["value"] is None else f"{row['value']:.3f}"


def _text_harm(spec: DetectorSpec, document: Document, earlier: Sequence[Document]) -> str:
    effort = document["effort"]
    return _sheet(
        spec,
        f'<div class="facts"><span><b>{document["held_out_texts"]:,}</b> held-out texts, at most '
        f"{effort['per_source']:,} a source</span><span>seed <b>{effort['seed']}</b></span>"
        f"<span>{escape(document['machine']['processor'])}</span></div>",
        "<h3>Quality by label, all public held-out sources</h3>",
        _table(tables.by_label(document)),
        '<div class="figures">',
        _figure(plots.precision_recall(document), "Precision over recall."),
        _figure(plots.quality_and_cost(document), "Quality against cost and size, with what else one could use."),
        "</div>",
        _figure(
            plots.reliability(document), "Reliability: what is true over what is said, in bins of equally many texts."
        ),
        _folded("Quality by source", tables.by_source(document)),
        _folded("Quality by length", tables.by_length(document)),
        _folded("False alarms by source", tables.false_alarms(document)),
        "<h3>Meaning, not words</h3>",
        f"<p>Sentences written for evaluation only. Accuracy {document['functional']['accuracy']:.3f}, "
        f"macro-F1 {document['functional']['macro_f1']:.3f}.</p>",
        _figure(plots.functional(document), "Classes of sentences."),
        "<h3>Harmless texts that look dangerous, through the shipped policies</h3>",
        _table(tables.policy(document)),
        "<h3>Identity terms</h3>",
        _figure(plots.bias(document), "Mean score of hate in neutral and warm sentences, by term."),
        "<h3>Evasions</h3>",
        _figure(plots.robustness(document), "Recall lost when one to three words are disguised."),
        _folded("Numbers", tables.robustness(document)),
        "<h3>Other languages, without the language gate</h3>",
        _table(tables.languages(document)),
        "<h3>Cost</h3>",
        _table(tables.cost(document)),
        _folded("int8 against fp32", tables.precision(document)),
        "<h3>Versions, on the same texts</h3>",
        _table(tables.versions([document, *earlier])),
        "<h3>Compared with baselines, average precision</h3>",
        _table(tables.baselines(document)),
        _folded("How near our own sentences come to training text", tables.nearness(document)),
    )


def _other(spec: DetectorSpec, others: Mapping[str, Document]) -> str:
    found = others.get(spec.name)
    if found is None:
        return _sheet(spec, '<p class="quiet">What was measured of it is in its card.</p>')
    return _sheet(spec, *_nested(found))


def _sheet(spec: DetectorSpec, *parts: str) -> str:
    labels = ", ".join(spec.labels) or ("made at run time" if spec.open_labels else "none: it reads words")
    return (
        f'<section class="sheet" id="{spec.name}"><h2>{escape(spec.name)} {escape(spec.version)}</h2>'
        f"<p>{escape(spec.task)}</p>"
        f'<div class="facts"><span>labels <b>{escape(labels)}</b></span><span>runs in <b>{spec.engine}</b></span>'
        f"<span>cost <b>{spec.latency_class}</b></span><span>licence <b>{escape(spec.licence)}</b></span>"
        f"<span>card <b>{escape(spec.card)}</b></span></div>{''.join(parts)}</section>"
    )


def _nested(document: Document) -> Iterable[str]:
    """Metrics of any shape: plain values as a table, groups as headings."""
    plain = [(name, value) for name, value in document.items() if not isinstance(value, Mapping | list)]
    if plain:
        yield _table(Figures(("", ""), tuple((_words(name), _plain(value)) for name, value in plain)))
    for name, value in document.items():
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            yield f"<h3>{escape(_words(name))}</h3>"
            yield _table(_listed(value))
        elif isinstance(value, Mapping):
            inner = [one for one in value.values() if isinstance(one, Mapping)]
            yield f"<h3>{escape(_words(name))}</h3>"
            yield from [_table(_grid(value))] if inner and len(inner) == len(value) else _nested(value)


def _grid(value: Mapping[str, Any]) -> Figures:
    names = list(dict.fromkeys(name for one in value.values() for name, each in one.items() if _is_plain(each)))
    rows = tuple((_words(key), *(_plain(one.get(name, "")) for name in names)) for key, one in value.items())
    return Figures(("", *map(_words, names)), rows)


def _listed(values: Sequence[Mapping[str, Any]]) -> Figures:
    names = list(dict.fromkeys(name for one in values for name, each in one.items() if _is_plain(each)))
    return Figures(
        tuple(map(_words, names)), tuple(tuple(_plain(one.get(name, "")) for name in names) for one in values)
    )


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


def _plain(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _words(name: str) -> str:
    return str(name).replace("_", " ")


def _table(figures: Figures) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in figures.headings)
    body = "".join(
        "<tr>" + "".join(f"<td{_kind(cell)}>{escape(cell)}</td>" for cell in row) + "</tr>" for row in figures.rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _kind(cell: str) -> str:
    return ' class="number"' if cell[:1].isdigit() or cell[:1] in "+-" else ""


def _folded(title: str, figures: Figures) -> str:
    return f"<details><summary>{escape(title)}</summary>{_table(figures)}</details>"


def _figure(figure: Any, caption: str) -> str:
    drawn = plots.svg(figure)
    return f"<figure>{drawn[drawn.index('<svg') :]}<figcaption>{escape(caption)}</figcaption></figure>"
