"""`python -m tidegate.models.evaluation.report`: the card, its plots and the page, from what was measured.

Reads what `make bench-models` left in `build/bench`, keeps the measurements beside the weights (`evaluation.json`), and
writes `models/cards/text_harm.md`, `models/cards/plots/` and the page about all detectors, `build/bench/models.html`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tidegate.models.catalogue import DetectorSpec, all_versions, catalogue, specification
from tidegate.models.evaluation.other_detectors import metrics_of

_PLOTS: Final = ("precision_recall", "reliability", "functional", "bias", "robustness", "learning_curve")
_DOTS_PER_INCH: Final = 160
_EARLIER: Final = Path(__file__).resolve().parent / "earlier"
"""What was measured of versions that are in the history only."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.models.evaluation.report", description=__doc__)
    parser.add_argument("--bench", type=Path, default=Path("build/bench"), help="what make bench-models wrote")
    parser.add_argument("--cards", type=Path, default=Path("models/cards"), help="where cards and plots go")
    parser.add_argument(
        "--keep", action=argparse.BooleanOptionalAction, default=True, help="evaluation.json by the weights"
    )
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, default=True, help="card, plots and page")
    options = parser.parse_args(arguments)
    measured = options.bench / "models-measured.json"
    if not measured.is_file():
        sys.stderr.write(f"there is no {measured}: run make bench-models first\n")
        return 2
    try:
        from tidegate.models.evaluation import plots  # noqa: F401, PLC0415 - needs the development requirements
    except ImportError as error:
        sys.stderr.write(f"{error.name} is missing: pip install -r requirements/dev.txt, or make test once\n")
        return 2
    document = json.loads(measured.read_text(encoding="utf-8"))
    spec = specification(document["detector"], document["version"])
    if spec.weights_sha256 != document["weights_sha256"]:
        sys.stderr.write(
            f"{measured} is of other weights than {spec.name} {spec.version}: run make bench-models again\n"
        )
        return 2
    if options.keep:
        kept = spec.folder() / "evaluation.json"
        kept.write_text(by_lines(without_samples(document)), encoding="utf-8")
        sys.stdout.write(f"{kept}\n")
    if options.write:
        for path in write_card(spec, document, options.cards):
            sys.stdout.write(f"{path}\n")
        sys.stdout.write(f"{write_page(spec, document, options.bench)}\n")
    return 0


def without_samples(document: dict[str, Any]) -> dict[str, Any]:
    """Returns the document without the single times of calls: what is committed."""
    return document | {
        "cost": [{name: value for name, value in one.items() if name != "samples_ms"} for one in document["cost"]]
    }


def by_lines(document: dict[str, Any]) -> str:
    """Returns the document as JSON with a line for each figure, or for each member of a list of them."""
    lines = []
    for name, value in document.items():
        if isinstance(value, list):
            members = ",\n  ".join(json.dumps(one) for one in value)
            lines.append(f'"{name}": [\n  {members}\n ]')
        else:
            lines.append(f'"{name}": {json.dumps(value)}')
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def earlier_documents(spec: DetectorSpec) -> list[dict[str, Any]]:
    """Returns what was measured of the other versions, those included whose weights are gone, newest first."""
    others = [one for one in all_versions() if one.name == spec.name and one.version != spec.version]
    paths = [one.folder() / "evaluation.json" for one in others] + list(_EARLIER.glob(f"{spec.name}_*.json"))
    found: list[dict[str, Any]] = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.is_file()]
    return sorted(found, key=lambda one: -int(one["version"]))


def write_card(spec: DetectorSpec, document: dict[str, Any], folder: Path) -> list[Path]:
    """Writes the card and its plots; returns their paths."""
    from tidegate.models.evaluation import plots  # noqa: PLC0415 - needs the development requirements
    from tidegate.models.evaluation.card import card  # noqa: PLC0415

    drawn = folder / "plots"
    drawn.mkdir(parents=True, exist_ok=True)
    written = []
    for name in _PLOTS:
        path = drawn / f"{spec.name}_{spec.version}_{name}.svg"
        path.write_text(plots.svg(getattr(plots, name)(document)), encoding="utf-8")
        written.append(path)
    picture = drawn / "quality_and_cost.png"
    earlier = earlier_documents(spec)
    plots.quality_and_cost(document).savefig(picture, dpi=_DOTS_PER_INCH, metadata={"Software": None})
    metrics = metrics_of(spec) or {}
    text = folder / f"{spec.name}.md"
    text.write_text(card(spec, document, metrics, plots=drawn.name, earlier=earlier), encoding="utf-8")
    return [*written, picture, text]


def write_page(spec: DetectorSpec, document: dict[str, Any], folder: Path) -> Path:
    """Writes the page about all live detectors; returns its path."""
    from tidegate.models.evaluation.page import page  # noqa: PLC0415 - needs the development requirements

    live = {**catalogue(), spec.name: spec}
    others = {name: found for name, one in live.items() if name != spec.name and (found := metrics_of(one))}
    rows = json.loads((folder / "models.json").read_text(encoding="utf-8"))
    path = folder / "models.html"
    path.write_text(
        page(list(live.values()), document, rows, others, earlier=earlier_documents(spec)), encoding="utf-8"
    )
    return path


if __name__ == "__main__":
    sys.exit(main())
