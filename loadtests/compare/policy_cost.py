"""What a decision costs under a policy of a thousand rules: the shipped rules over and over, on one surface.

And whether rules of other surfaces and markets cost anything: the same policy beside another thousand rules for
profiles, and a thousand more that an overlay adds in Germany, asked about a comment in Sweden.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice

from tidegate.features.feature import ValueKind
from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.models.catalogue import catalogue
from tidegate.moderation.decision import DecisionInputs
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import NoticeSource, PartFacts, PartKind, Surface
from tidegate.moderation.signals import AccountSignals, FeatureScalar, FeatureValue, Freshness, LookupStatus
from tidegate.policy.compilation import compile_policy
from tidegate.policy.document import read_yaml, validated
from tidegate.policy.policy_set import PolicySet
from tidegate.policy.schema import FallbackWord, Mode, Overlay, PolicyDocument, Rule
from tidegate.serving.composition import PACKAGED_POLICIES

RULES = 1_000
MARKET, ELSEWHERE = "SE", "DE"
_ROUNDS, _AT_ONCE = 41, 25
_SAMPLES: dict[ValueKind, FeatureScalar] = {
    ValueKind.BOOL: False,
    ValueKind.INT: 3,
    ValueKind.FLOAT: 0.1,
    ValueKind.STRING: "NONE",
}


@dataclass(frozen=True, slots=True)
class PolicyCost:
    """Milliseconds per decision, medians."""

    alone_ms: float
    """A thousand rules, and no others."""
    beside_others_ms: float
    """The same, beside two thousand rules of other surfaces and markets."""
    all_severe_ms: float
    """The same thousand on an item for which every detector says the worst: nearly all rules fire."""


def policy_cost() -> PolicyCost:
    """Compiles the policies and measures, the cases taking turns."""
    alone = PolicySet({"comments.yaml": compile_policy(_document(Surface.COMMENT), file="comments.yaml")})
    crowded = _document(Surface.COMMENT).model_copy(
        update={"overlays": (Overlay(markets=(ELSEWHERE,), add=_rules("added")),)}
    )
    others = {
        "comments.yaml": compile_policy(crowded, file="comments.yaml"),
        "profiles.yaml": compile_policy(_document(Surface.PROFILE), file="profiles.yaml"),
    }
    harmless, severe = _inputs(severity=0), _inputs(severity=7)
    cases = ((alone, harmless), (PolicySet(others), harmless), (alone, severe))
    times: list[list[float]] = [[] for _ in cases]
    for _ in range(_ROUNDS):
        for taken, (policies, inputs) in zip(times, cases, strict=True):
            taken.append(_decision_ms(policies, inputs))
    return PolicyCost(*(round(statistics.median(taken), 4) for taken in times))


def _decision_ms(policies: PolicySet, inputs: DecisionInputs) -> float:
    started = time.process_time()
    for _ in range(_AT_ONCE):
        policies.live_for(inputs.surface, inputs.market).decide(inputs)
    return (time.process_time() - started) * 1e3 / _AT_ONCE


def _document(surface: Surface) -> PolicyDocument:
    return PolicyDocument(
        id=f"thousand_{surface}",
        version=1,
        mode=Mode.LIVE,
        surfaces=(surface,),
        on_unknown=FallbackWord.FAIL_CLOSED,
        rules=_rules("r"),
    )


def _rules(prefix: str) -> tuple[Rule, ...]:
    """A thousand, in the proportions of those that are shipped: about one in twenty looks at no detector."""
    shipped = cycle([rule for document in _shipped() for rule in document.rules])
    return tuple(rule.model_copy(update={"id": f"{prefix}_{n}"}) for n, rule in enumerate(islice(shipped, RULES)))


def _shipped() -> Sequence[PolicyDocument]:
    paths = sorted(PACKAGED_POLICIES.glob("*.yaml"))
    return [validated(read_yaml(path.read_text(), file=path.name), PolicyDocument, file=path.name) for path in paths]


def _inputs(*, severity: int) -> DecisionInputs:
    now = datetime.now(UTC)
    runs = tuple(
        DetectorRun(
            name,
            catalogue()[name].version,
            DetectorStatus.OK,
            "text",
            scores=dict.fromkeys(catalogue()[name].labels, severity / 7),
            severities=dict.fromkeys(catalogue()[name].labels, severity),
        )
        for name in ("text_harm", "text_language", "text_spam")
    )
    values = tuple(
        FeatureValue(ref.full_name, _SAMPLES[ref.feature.kind], Freshness.FRESH, now)
        for ref in ACCOUNT_SIGNALS_V2.refs()
    )
    return DecisionInputs(
        surface=Surface.COMMENT,
        market=MARKET,
        language="en",
        source=NoticeSource.OWN_INITIATIVE,
        parts=(PartFacts("text", PartKind.TEXT, "0" * 64, 40),),
        detectors=runs,
        account=AccountSignals(LookupStatus.OK, known=True, values=values),
    )
