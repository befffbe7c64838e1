"""The account risk model beside gradient boosting and every single input, on the same folds of real accounts.

    python -m loadtests.features.risk [--measure] [--data ../shared/data] [--out build/bench]

The figures are those that the measuring code (`tidegate.models.training.accounts`) wrote beside the weights that the
catalogue names, and count only if the digest agrees. `--measure` runs that code again first, in the environment of
`make train-environment`: some minutes. AUC on accounts that nobody here has can't be measured here.

Writes its rows and the comparison (`results.keep`); exits with 1 if a target is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtests.features.results import OUT, keep
from tidegate.models.catalogue import catalogue
from tidegate.models.evaluation.bench_row import Row, at_least
from tidegate.models.evaluation.other_detectors import metrics_of

MODEL, BASELINE = "account_risk", "gradient boosting"
TARGET_AUC = 0.97
_TRAINING = Path(".venv-train/bin/python")


class StaleMetricsError(Exception):
    """The figures are of other weights than those in use."""


def committed() -> Mapping[str, Any]:
    """What was measured of the weights in use.

    Raises:
        StaleMetricsError: There are no figures, or they are of other weights.
    """
    spec = catalogue()[MODEL]
    metrics = metrics_of(spec)
    if metrics is None or metrics["weights_sha256"] != spec.weights_sha256:
        raise StaleMetricsError(f"{spec.name} {spec.version} has no figures of its own: run with --measure")
    return metrics


def measured(data: Path) -> Mapping[str, Any]:
    """The same by running the measuring code now."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(_TRAINING), "-m", "tidegate.models.training", MODEL, "--data", str(data), "--out", folder]
        subprocess.run(command, check=True)
        found: Mapping[str, Any] = json.loads((Path(folder) / "metrics.json").read_text())
        return found


def rows(metrics: Mapping[str, Any]) -> list[Row]:
    """The lines of the result."""
    compared, accounts = metrics["compared"], metrics["accounts"]
    alone = max((name for name in compared if name.endswith(" alone") and "teacher" not in name), key=_auc(compared))
    boosting = max((name for name in compared if BASELINE in name), key=_auc(compared))
    folds = f"{accounts['bots'] + accounts['people']:,} accounts, {metrics['folds']}"
    return [
        Row(
            "account risk model, AUC on real accounts that are not ours to have", None, "AUC", f">= {TARGET_AUC}", None
        ),
        at_least(
            f"account risk model, AUC on accounts of held-out folds ({folds})", compared[MODEL]["auc"], 0.97, "AUC"
        ),
        *(_ahead(compared, name) for name in dict.fromkeys((BASELINE, boosting, alone))),
    ]


def _auc(compared: Mapping[str, Any]) -> Any:
    return lambda name: compared[name]["auc"]


def _ahead(compared: Mapping[str, Any], other: str) -> Row:
    lead, error = compared[other]["auc_lead"]["mean"], compared[other]["auc_lead"]["standard_error"]
    measure = f"account risk model, AUC ahead of {other} ({compared[other]['auc']}) on the same folds, ± {error}"
    return Row(measure, lead, "AUC", "> 0", lead > 0)


def main() -> int:
    """Measures, prints, writes; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.features.risk", description="The account risk model beside other models."
    )
    parser.add_argument("--measure", action="store_true", help="again, in .venv-train; some minutes")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=OUT, help="folder for results")
    chosen = parser.parse_args()
    try:
        metrics = measured(chosen.data) if chosen.measure else committed()
    except (StaleMetricsError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    samples = {name: metrics[name] for name in ("command", "weights_sha256", "compared", "accounts", "folds")}
    return keep(chosen.out, "risk", rows(metrics), samples)


if __name__ == "__main__":
    sys.exit(main())
