"""`python -m tidegate.models.training.repeating`: whether fitting `text_harm` twice gives the same bits.

The whole mixture, then a fit to a part of it with phases cut short and small batches, in two processes at a time whose
strings hash otherwise: one runs at a stretch, the other is interrupted within the second phase and resumed. The exit
status is 1 if mixture, weights or golden logits differ. Two minutes on two cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from tidegate.models.encoder import MINILM
from tidegate.models.normalisation import normalise
from tidegate.models.packaged import sha256_of
from tidegate.models.training.batches import token_ids
from tidegate.models.training.fitting import PHASES, FitSettings, fit
from tidegate.models.training.mixture import mixture
from tidegate.models.training.recording import GOLDEN_SENTENCES, write_deltas, write_golden

_ONE_IN: Final = 16
"""Of the mixture's texts that the network is fitted to."""
_STEPS: Final = 60
"""Of each phase."""
_SETTINGS: Final = FitSettings(tokens_per_batch=128, checkpoint_every=20)
_CUT_AT: Final = "step 50/"
"""Progress is told every 50 steps: the run is then ten steps past a checkpoint."""
_HASH_SEEDS: Final = {"straight": "1", "interrupted": "2"}
"""`PYTHONHASHSEED` of each run: what depends on the order of a set differs."""


class _CutError(Exception):
    """The run ends here, as if the machine had been switched off."""


def _telling(name: str, *, cut: bool) -> Callable[[str], None]:
    """Prints progress; if the run is to be cut, ends it within the second phase."""
    phases = 0

    def report(line: str) -> None:
        nonlocal phases
        sys.stdout.write(f"{name}: {line}\n")
        sys.stdout.flush()
        phases += line.startswith("phase ")
        if cut and phases == 2 and line.startswith(_CUT_AT):  # noqa: PLR2004 - the second of three
            raise _CutError

    return report


def _run(name: str, data: Path, out: Path) -> None:
    """Fits into a folder, resuming once if the run is interrupted."""
    examples = mixture(data, seed=_SETTINGS.seed)
    part = examples[::_ONE_IN]
    (out / "version").mkdir(parents=True)
    (out / "version" / "mixture.txt").write_text("\n".join(map(repr, examples)), encoding="utf-8")
    phases = tuple(replace(phase, stop_at_step=_STEPS) for phase in PHASES)

    def fitted(*, cut: bool) -> None:
        checkpoint, report = out / "checkpoint.pt", _telling(name, cut=cut)
        network = fit(MINILM, part, _SETTINGS, checkpoint=checkpoint, report=report, phases=phases)
        ids = token_ids(MINILM, list(map(normalise, GOLDEN_SENTENCES)), max_tokens=_SETTINGS.max_tokens)
        write_deltas(network, out / "version" / "deltas.safetensors")
        write_golden(network, ids, out / "version" / "golden.json")

    try:
        fitted(cut=name == "interrupted")
    except _CutError:
        fitted(cut=False)


def _digests(folder: Path) -> Mapping[str, str]:
    return {path.name: sha256_of(path) for path in sorted((folder / "version").iterdir())}


def main() -> int:
    """Runs both, or the one that is asked for, and compares."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.models.training.repeating", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds one folder per source")
    parser.add_argument("--run", choices=list(_HASH_SEEDS), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        _run(options.run, options.data, options.out)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tidegate.models.training.repeating", "--data", str(options.data)]
        runs = [
            subprocess.Popen(
                [*command, "--run", name, "--out", f"{folder}/{name}"], env={**os.environ, "PYTHONHASHSEED": seed}
            )
            for name, seed in _HASH_SEEDS.items()
        ]
        ended = [one.wait() for one in runs]
        if any(ended):
            return 2
        straight, interrupted = (_digests(Path(folder, name)) for name in _HASH_SEEDS)
    for file, digest in straight.items():
        sys.stdout.write(f"{file:<20} {digest[:16]} {'the same' if interrupted[file] == digest else 'DIFFERS'}\n")
    return 0 if straight == interrupted else 1


if __name__ == "__main__":
    sys.exit(main())
