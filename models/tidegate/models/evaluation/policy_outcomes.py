"""What the shipped policies would do with texts: the policy engine on a detector's scores, without a server."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate import policy
from tidegate.moderation.decision import Action, DecisionInputs
from tidegate.moderation.detection import DetectorRun, DetectorScores, DetectorStatus
from tidegate.moderation.item import NoticeSource, PartFacts, PartKind, Surface
from tidegate.moderation.signals import AccountSignals, LookupStatus
from tidegate.policy.concern import kinds_of
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.loader import load_policies

MARKET: Final = "SE"
"""A market without an overlay."""
HELD: Final = frozenset({Action.REVIEW, Action.BLOCK})
"""Not published at once."""

_PACKAGED: Final = Path(policy.__file__).resolve().parent.parent / "policies"
_PART: Final = PartFacts("text", PartKind.TEXT, "0" * 64, 0)


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """What one policy did with one set of texts."""

    texts: str
    """Name of the set."""
    surface: Surface
    """Where the texts would appear."""
    policy: str
    """Id and version of the live policy."""
    count: int
    """How many texts."""
    held_share: float
    """Share held for a person or blocked."""
    actions: dict[str, int]
    """Texts by action."""
    rules: dict[str, int]
    """Texts by rule that held or blocked them."""


def policy_result(name: str, answers: Sequence[DetectorScores], surface: Surface) -> PolicyResult:
    """Decides on each text as an item of its own, by an account without history, in a market without an overlay.

    Other detectors that the policy reads are taken to find nothing, so that only this detector's errors count.

    Args:
        name: of the set.
        answers: of the detector, one per text.
        surface: where the texts would appear.

    Raises:
        PolicyError: the shipped policies are wrong.
    """
    live = load_policies(_PACKAGED).live_for(surface, MARKET)
    actions: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for answer in answers:
        outcome = live.evaluate(_inputs(live, answer, surface))
        actions[outcome.action] += 1
        rules.update({one.rule for one in outcome.violations if one.action in HELD})
    held = sum(actions[action] for action in HELD)
    return PolicyResult(
        texts=name,
        surface=surface,
        policy=f"{live.reference.id} {live.reference.version}",
        count=len(answers),
        held_share=round(held / max(1, len(answers)), 4),
        actions={action: actions[action] for action in Action if actions[action]},
        rules=dict(rules.most_common()),
    )


def _inputs(live: CompiledPolicy, answer: DetectorScores, surface: Surface) -> DecisionInputs:
    concerned = [name for name in sorted(live.labels) if PartKind.TEXT in kinds_of(name)]
    return DecisionInputs(
        surface=surface,
        market=MARKET,
        language="en",
        source=NoticeSource.OWN_INITIATIVE,
        parts=(_PART,),
        detectors=tuple(_run(answer, name, live) for name in concerned),
        account=AccountSignals(status=LookupStatus.OK),
    )


def _run(answer: DetectorScores, name: str, live: CompiledPolicy) -> DetectorRun:
    if name == answer.detector:
        return DetectorRun(
            name, answer.version, answer.status, _PART.id, scores=answer.scores, severities=answer.severities
        )
    labels = live.labels[name]
    nothing = dict.fromkeys(labels, 0)
    return DetectorRun(
        name, "", DetectorStatus.OK, _PART.id, scores=dict.fromkeys(labels, 0.0), severities=nothing, language="en"
    )
