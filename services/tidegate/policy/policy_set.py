"""The policies in use: which one decides for a surface and market, and which only look on."""

from collections.abc import Iterator, Mapping

from tidegate.moderation.item import Surface
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.markets import MARKETS
from tidegate.policy.problems import PolicyError, Problem
from tidegate.policy.schema import Mode

_SHOWN = 5


class NoLivePolicyError(LookupError):
    """No live policy is for this surface and market; `PolicySet.gaps` tells of that before anyone asks."""


class PolicySet:
    """Policies that do not contradict each other. Read by the plan and decide steps of every request."""

    def __init__(self, policies: Mapping[str, CompiledPolicy]) -> None:
        """Puts policies together.

        Args:
            policies: By file name, for messages.

        Raises:
            PolicyError: Two live policies are for the same surface and market, or two documents are the same version
                of one policy.
        """
        problems = [*_contradictions(policies)]
        if problems:
            raise PolicyError(problems)
        self._policies = tuple(policies.values())
        self._everywhere: dict[Surface, CompiledPolicy] = {}
        self._by_market: dict[tuple[Surface, str], CompiledPolicy] = {}
        self._shadows: dict[Surface, tuple[CompiledPolicy, ...]] = {
            surface: tuple(policy for policy in self._of(Mode.SHADOW) if surface in policy.surfaces)
            for surface in Surface
        }
        for policy in self._of(Mode.LIVE):
            for surface in policy.surfaces:
                if policy.markets is None:
                    self._everywhere[surface] = policy
                else:
                    self._by_market |= {(surface, market): policy for market in policy.markets}

    def __iter__(self) -> Iterator[CompiledPolicy]:
        return iter(self._policies)

    def live_for(self, surface: Surface, market: str) -> CompiledPolicy:
        """The policy that decides. Raises NoLivePolicyError if there is none."""
        policy = self._everywhere.get(surface) or self._by_market.get((surface, market))
        if policy is None:
            raise NoLivePolicyError(f"no live policy is for {surface} in {market}")
        return policy

    def shadows_for(self, surface: Surface, market: str) -> tuple[CompiledPolicy, ...]:
        """The policies that are evaluated beside it, in order of id and version."""
        return tuple(policy for policy in self._shadows[surface] if policy.markets is None or market in policy.markets)

    def documents(self) -> Mapping[str, str]:
        """Canonical JSON by digest, for the ledger."""
        return {policy.reference.digest: policy.document for policy in self._policies}

    def gaps(self) -> tuple[str, ...]:
        """Each surface that some market has no live policy for, in words. Empty if every request can be decided."""
        return tuple(f"{surface}: {shown}" for surface in Surface if (shown := self._gap(surface)))

    def _gap(self, surface: Surface) -> str:
        if surface in self._everywhere:
            return ""
        uncovered = sorted(market for market in MARKETS if (surface, market) not in self._by_market)
        if len(uncovered) == len(MARKETS):
            return "no live policy"
        more = f" and {len(uncovered) - _SHOWN} more" if len(uncovered) > _SHOWN else ""
        return f"no live policy in {', '.join(uncovered[:_SHOWN])}{more}" if uncovered else ""

    def _of(self, mode: Mode) -> list[CompiledPolicy]:
        chosen = [policy for policy in self._policies if policy.mode is mode]
        return sorted(chosen, key=lambda policy: (policy.reference.id, policy.reference.version))


def _contradictions(policies: Mapping[str, CompiledPolicy]) -> Iterator[Problem]:
    earlier: list[tuple[str, CompiledPolicy]] = []
    for file, policy in policies.items():
        for other_file, other in earlier:
            if (policy.reference.id, policy.reference.version) == (other.reference.id, other.reference.version):
                yield Problem(file, "version", f"{other_file} already is version {other.reference.version} of it")
            elif policy.mode is other.mode is Mode.LIVE and (shared := _shared(policy, other)):
                yield Problem(file, "surfaces", f"{other_file} is already live for {shared}; one live policy for each")
        earlier.append((file, policy))


def _shared(one: CompiledPolicy, other: CompiledPolicy) -> str:
    surfaces = [surface for surface in one.surfaces if surface in other.surfaces]
    markets = (one.markets or MARKETS) & (other.markets or MARKETS)
    if not surfaces or not markets:
        return ""
    where = "all markets" if markets == MARKETS else ", ".join(sorted(markets)[:_SHOWN])
    return f"{', '.join(surfaces)} in {where}"
