"""`python -m tidegate.models.training DETECTOR`: trains a detector from public data, and measures it."""

import argparse
import sys
from pathlib import Path

DETECTORS = ("text_harm", "text_spam", "account_risk")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.models.training", description=__doc__)
    parser.add_argument("detector", choices=DETECTORS)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds one folder per source")
    parser.add_argument("--out", type=Path, required=True, help="the version's folder, weights/DETECTOR/N")
    parser.add_argument("--work", type=Path, default=Path("build/training"), help="checkpoints, a folder per detector")
    parser.add_argument("--seed", type=int, help="the detector's own if not given")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error(f"--data: there is no folder {options.data}; see models/README.md for where the sources come from")
    seed = {} if options.seed is None else {"seed": options.seed}
    work = options.work / options.detector
    if options.detector == "text_harm":
        from tidegate.models.training import text_harm  # noqa: PLC0415 - torch takes seconds to import
        from tidegate.models.training.fitting import FitSettings  # noqa: PLC0415 - as above

        settings = FitSettings(threads=options.threads, **seed)
        text_harm.train(options.data, options.out, settings=settings, work=work, report=_say)
    elif options.detector == "account_risk":
        from tidegate.models.training import account_risk  # noqa: PLC0415 - as above
        from tidegate.models.training.accounts.student import StudentSettings  # noqa: PLC0415 - as above

        risk = account_risk.RiskSettings(student=StudentSettings(threads=options.threads), **seed)
        account_risk.train(options.data, options.out, settings=risk, work=work, report=_say)
    else:
        from tidegate.models.training import text_spam  # noqa: PLC0415 - scikit-learn takes seconds to import
        from tidegate.models.training.spam_measuring import SpamSettings  # noqa: PLC0415 - as above

        text_spam.train(options.data, options.out, settings=SpamSettings(**seed), work=work, report=_say)
    return 0


if __name__ == "__main__":
    sys.exit(main())
