"""Whether contenders decide alike: the same items, one by one, and every difference in what their policy made of them.

Only items for which both saw the same values of what their policy reads count: Tidegate keeps computing the signals of
accounts, and a store that nobody keeps up to date falls behind within minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import grpc

from loadtests.compare import corpus
from loadtests.compare.schedule import Detector
from tidegate.api.moderation.v1 import content_pb2, decision_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1.moderation_service_pb2_grpc import ModerationServiceStub

ITEMS = 100
"""Per detector."""
_SEED = 9_000_001
_SCORE_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two contenders' answers on the same items."""

    compared: int
    """Items for which both saw the same signals."""
    equal: int
    """Of these, items on which they agree."""
    difference: str
    """The first difference, for people; empty if there is none."""


def answers(address: str, *, accounts: int) -> list[decision_pb2.Decision]:
    """One contender's decisions, in the order of the items. Raises grpc.RpcError."""
    with grpc.insecure_channel(address) as channel:
        stub = ModerationServiceStub(channel)
        return [stub.Moderate(request, timeout=30).decision for request in _requests(accounts)]


def _requests(accounts: int) -> list[pb.ModerateRequest]:
    return [
        request
        for detector in Detector
        for request in islice(
            corpus.requests(_SEED, accounts=accounts, surface=content_pb2.Surface.ValueType(detector.surface)),
            ITEMS,
        )
    ]


def agreement(
    ours: Sequence[decision_pb2.Decision], theirs: Sequence[decision_pb2.Decision], *, read: frozenset[str]
) -> Agreement:
    """Compares two contenders' decisions on the same items.

    Args:
        ours: Decisions that carry the signals that their own policy reads, and perhaps more.
        theirs: Decisions that carry the signals that any policy reads.
        read: The signals that policies name.
    """
    pairs = [pair for pair in zip(ours, theirs, strict=True) if _same_signals(*pair, read)]
    differing = [(one, other) for one, other in pairs if outcome(one) != outcome(other)]
    difference = f"{outcome(differing[0][0])} and {outcome(differing[0][1])}" if differing else ""
    return Agreement(len(pairs), len(pairs) - len(differing), difference)


def outcome(decision: decision_pb2.Decision) -> tuple[object, ...]:
    """What a policy made of an item, and what of detectors it was made from."""
    return (
        decision_pb2.Action.Name(decision.action),
        decision.policy.digest,
        tuple((each.rule, each.action, each.value, tuple(each.missing)) for each in decision.violations),
        tuple(
            (
                run.name,
                run.version,
                run.status,
                run.language,
                tuple(sorted((label, round(score, _SCORE_DIGITS)) for label, score in run.scores.items())),
                tuple(sorted(run.severities.items())),
            )
            for run in decision.detectors
        ),
    )


def _same_signals(ours: decision_pb2.Decision, theirs: decision_pb2.Decision, read: frozenset[str]) -> bool:
    mine, other = _signals(ours), _signals(theirs)
    if ours.account_known != theirs.account_known:
        return False
    return all(other.get(name) == value for name, value in mine.items() if name in read)


def _signals(decision: decision_pb2.Decision) -> dict[str, tuple[bytes, int]]:
    return {each.name: (each.value.SerializeToString(), each.freshness) for each in decision.features}
