"""Decision records as large as real ones: three detectors, the dozen signals that policies read."""

import dataclasses
import random
from collections.abc import Sequence
from datetime import UTC, datetime

from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.moderation.decision import Action, Completeness, DecisionInputs, DecisionRecord, PolicyReference
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import NoticeSource, PartFacts, PartKind, Surface
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus

SIGNALS = 12
"""In a record, as where policies name a dozen. `features.kept: all` would record sixty."""
SEED = 20_260_501
_LABELS = ("hate", "harassment", "threat", "sexual", "self_harm", "profanity")
_ACTIONS, _WEIGHTS = (Action.ALLOW, Action.REVIEW, Action.BLOCK), (8, 1, 1)


class Decisions:
    """Records as large as real ones: the signals that policies read, three detectors."""

    def __init__(self) -> None:
        self._drawn = random.Random(SEED)  # noqa: S311 - for repeatable load, not for secrets
        read_at = datetime.now(tz=UTC)
        read = ACCOUNT_SIGNALS_V2.refs()[:SIGNALS]
        values = tuple(FeatureValue(each.full_name, n, Freshness.FRESH, read_at) for n, each in enumerate(read))
        self._account = AccountSignals(LookupStatus.OK, known=True, values=values)

    def of(self, account_id: str) -> DecisionRecord:
        """A decision of right now on a comment."""
        drawn, now = self._drawn, datetime.now(tz=UTC)
        return DecisionRecord(
            decision_id=f"{int(now.timestamp() * 1e3):012x}7{drawn.getrandbits(76):019x}",
            trace_id=f"{drawn.getrandbits(128):032x}",
            content_id=f"c-{drawn.getrandbits(40)}",
            account_id=account_id,
            decided_at=now,
            inputs=DecisionInputs(
                surface=Surface.COMMENT,
                market="SE",
                language="en",
                source=NoticeSource.OWN_INITIATIVE,
                parts=(PartFacts("text", PartKind.TEXT, drawn.randbytes(32).hex(), 120),),
                detectors=self._detectors(),
                account=self._account,
            ),
            policy=PolicyReference("comments", 3, "ab" * 32),
            action=drawn.choices(_ACTIONS, _WEIGHTS)[0],
            completeness=Completeness.COMPLETE,
            violations=(),
            hops_ms={"plan": 0.1, "gather": 8.5, "policy": 0.2, "total": 9.4},
            fingerprint=drawn.randbytes(32).hex(),
        )

    def _detectors(self) -> tuple[DetectorRun, ...]:
        scores = {label: self._drawn.random() for label in _LABELS}
        harm = DetectorRun("text_harm", "3", DetectorStatus.OK, "text", 4.2, scores, dict.fromkeys(_LABELS, 1))
        spam = dataclasses.replace(harm, name="text_spam", scores={"spam": scores["hate"]}, severities={"spam": 0})
        return harm, spam, dataclasses.replace(spam, name="text_language", scores={}, severities={}, language="en")


def decisions(count: int) -> Sequence[DecisionRecord]:
    """That many, each of another account, decided now."""
    made = Decisions()
    return [made.of(f"acct-{number:06}") for number in range(count)]
