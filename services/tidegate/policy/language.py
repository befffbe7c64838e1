"""What policies can ask about languages: whether words were scored in a language that nobody could tell.

Detectors score such words as if they were in a language that they were trained for. A score says so
(`DetectorRun.language` is "und"), and here a condition can read it: `item.language_undetermined`.
"""

from collections.abc import Sequence
from typing import Final

from tidegate.moderation.detection import UNDETERMINED_LANGUAGE, DetectorRun, DetectorStatus

_TEXT: Final = "text_"
_TOLD: Final = frozenset({DetectorStatus.OK, DetectorStatus.NO_CONTENT, DetectorStatus.UNSUPPORTED_LANGUAGE})


def language_undetermined(runs: Sequence[DetectorRun]) -> bool | None:
    """Whether any words of an item were scored in a language that could not be told.

    None if none was, and a text detector has not answered: what it would have been scored in is then unknown too.
    """
    seen = [run for run in runs if not run.shadow and run.name.startswith(_TEXT)]
    if any(run.status is DetectorStatus.OK and run.language == UNDETERMINED_LANGUAGE for run in seen):
        return True
    return False if all(run.status in _TOLD for run in seen) else None
