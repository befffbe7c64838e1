"""A request's item to what the policy engine takes."""

from collections.abc import Sequence

from loadtests.baselines.account_read import AccountRead
from loadtests.baselines.reply import SOURCES, SURFACES, facts_of
from tidegate.api.moderation.v1 import content_pb2
from tidegate.moderation.decision import DecisionInputs
from tidegate.moderation.detection import DetectorRun
from tidegate.moderation.item import NoticeSource
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.loader import NoLivePolicyError, PolicySet


def policy_for(policies: PolicySet, item: content_pb2.ContentItem) -> CompiledPolicy | None:
    """The policy that decides on an item of text; None if the item is not one."""
    texts = all(part.WhichOneof("content") == "text" and part.text.text.strip() for part in item.parts)
    if not (item.content_id and item.account_id and item.parts and texts and item.surface in SURFACES):
        return None
    try:
        return policies.live_for(SURFACES[item.surface], item.market)
    except NoLivePolicyError:
        return None


def inputs_of(item: content_pb2.ContentItem, runs: Sequence[DetectorRun], account: AccountRead) -> DecisionInputs:
    """All that the policy can read."""
    return DecisionInputs(
        surface=SURFACES[item.surface],
        market=item.market,
        language=item.language,
        source=SOURCES.get(item.source, NoticeSource.OWN_INITIATIVE),
        parts=tuple(facts_of(part) for part in item.parts),
        detectors=tuple(runs),
        account=account.signals,
    )
