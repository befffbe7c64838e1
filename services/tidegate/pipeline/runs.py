"""From what stages answer to the runs that are recorded: pieces of a part put together again."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tidegate.moderation.detection import Attribution, DetectorRun, DetectorScores, DetectorStatus
from tidegate.pipeline.chunks import Piece

Answered = tuple[Piece, DetectorScores]
"""Some words, and what one detector said about them."""


def run_of(answer: DetectorScores, part: str, *, latency_ms: float = 0.0) -> DetectorRun:
    """One answer on a whole part."""
    return DetectorRun(
        name=answer.detector,
        version=answer.version,
        status=answer.status,
        part=part,
        latency_ms=latency_ms,
        scores=answer.scores,
        severities=answer.severities,
        language=answer.language,
        matches=answer.matches,
        attributions=answer.attributions,
    )


def merged(
    answers: Sequence[Answered], part: str, *, latency_ms: float = 0.0, shadow: bool = False
) -> Iterator[DetectorRun]:
    """One detector's answers on the pieces of a part, as one run for each status that they came to.

    Each label has its maximum over the pieces. What some pieces said is kept beside the outage of others: the one may
    already settle a rule, the other keeps it from being taken for false.
    """
    by_status: dict[DetectorStatus, list[Answered]] = {}
    for answered in answers:
        by_status.setdefault(answered[1].status, []).append(answered)
    if len(by_status) > 1:
        by_status.pop(DetectorStatus.NO_CONTENT, None)
    for same in by_status.values():
        yield _together(same, part, latency_ms=latency_ms, shadow=shadow)


def _together(answers: Sequence[Answered], part: str, *, latency_ms: float, shadow: bool) -> DetectorRun:
    _, first = answers[0]
    if len(answers) == 1:
        best = dict.fromkeys(first.scores, answers[0])
    else:
        best = {label: max(answers, key=lambda one: one[1].scores.get(label, 0.0)) for label in first.scores}
    return DetectorRun(
        name=first.detector,
        version=first.version,
        status=first.status,
        part=part,
        latency_ms=latency_ms,
        scores={label: answer.scores.get(label, 0.0) for label, (_, answer) in best.items()},
        severities={label: answer.severities.get(label, 0) for label, (_, answer) in best.items()},
        language=first.language if len(answers) == 1 else _most_common([answer.language for _, answer in answers]),
        attributions=tuple(
            _moved(one, piece.offset)
            for label, (piece, answer) in best.items()
            for one in answer.attributions
            if one.label == label
        ),
        moments={label: piece.moment for label, (piece, _) in best.items() if piece.moment is not None},
        shadow=shadow,
    )


def _most_common(languages: Sequence[str]) -> str:
    counted = Counter(language for language in languages if language)
    return counted.most_common(1)[0][0] if counted else ""


def _moved(attribution: Attribution, offset: int) -> Attribution:
    return replace(attribution, start=attribution.start + offset, end=attribution.end + offset)
