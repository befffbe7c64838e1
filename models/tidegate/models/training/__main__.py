"""`python -m tidegate.models.training text_harm`: trains a detector from public data, and measures it."""

import argparse
import sys
from pathlib import Path

from tidegate.models.training.fitting import FitSettings
from tidegate.models.training.text_harm import train


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Runs the command."""
    defaults = FitSettings()
    parser = argparse.ArgumentParser(prog="python -m tidegate.models.training", description=__doc__)
    parser.add_argument("detector", choices=["text_harm"])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds one folder per source")
    parser.add_argument("--out", type=Path, required=True, help="the version's folder, weights/text_harm/N")
    parser.add_argument("--work", type=Path, default=Path("build/training/text_harm"), help="checkpoints")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--threads", type=int, default=defaults.threads)
    options = parser.parse_args()
    settings = FitSettings(seed=options.seed, threads=options.threads)
    train(options.data, options.out, settings=settings, work=options.work, report=_say)
    return 0


if __name__ == "__main__":
    sys.exit(main())
