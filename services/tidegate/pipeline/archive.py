"""Policies by digest, to explain a recorded decision with the very policy that made it."""

from collections.abc import Callable, Mapping

from tidegate.ledger.port import DecisionLedger
from tidegate.moderation.decision import DecisionRecord, RuleEvaluation
from tidegate.policy.engine import CompiledPolicy


class PolicyArchive:
    """Compiles kept policy documents on demand and keeps them compiled."""

    def __init__(
        self,
        ledger: DecisionLedger,
        *,
        active: Mapping[str, str],
        compile_document: Callable[[str], CompiledPolicy],
    ) -> None:
        """Wires the archive.

        Args:
            ledger: Keeps the documents.
            active: Documents of all policies in use, by digest.
            compile_document: Compiles a kept document.
        """
        self._ledger = ledger
        self._active = active
        self._compile = compile_document
        self._compiled: dict[str, CompiledPolicy] = {}
        self._kept = False

    async def keep(self) -> None:
        """Has the ledger keep the active policies, once: no decision without the document that replays it.

        Raises:
            LedgerUnavailable: They could not be made durable. The next call tries again.
        """
        if not self._kept:
            await self._ledger.keep_policies(self._active)
            self._kept = True

    async def explain(self, record: DecisionRecord) -> tuple[RuleEvaluation, ...]:
        """How each rule came out: pure evaluation of the record's inputs again.

        Empty if the ledger does not hold the policy's document. Raises LedgerUnavailable if it can't be read.
        """
        policy = await self._policy(record.policy.digest)
        return () if policy is None else policy.evaluate(record.inputs).evaluations

    async def _policy(self, digest: str) -> CompiledPolicy | None:
        if digest not in self._compiled:
            document = await self._ledger.policy_document(digest)
            if document is None:
                return None
            self._compiled[digest] = self._compile(document)
        return self._compiled[digest]
