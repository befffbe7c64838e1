"""HashBankService.MatchImage: what a picture is near to, and what `image_match` makes of it."""

import asyncio
from collections.abc import Sequence

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.detectors.banks.bank import BankKind, StoredBank
from tidegate.detectors.banks.matcher import BankMatcher
from tidegate.detectors.banks.pdq import Pdq
from tidegate.moderation.detection import BankMatch

SHOWN_PER_BANK = 20
KINDS = {BankKind.MATCH: pb.BANK_KIND_MATCH, BankKind.ALLOW: pb.BANK_KIND_ALLOW}
"""How the contract calls kinds of banks."""

_Near = tuple[StoredBank, BankMatch]


class DryRun:
    """Looks for pictures with a matcher of its own, which reads the store when it is first asked."""

    def __init__(self, matcher: BankMatcher) -> None:
        self._matcher = matcher

    async def of(self, pictures: Sequence[Pdq | bytes], *, within_bits: int) -> pb.MatchImageResponse:
        """What one picture, given by the hashes of its frames, is near to. Raises BanksUnavailable."""
        await self._matcher.refresh()
        near = await asyncio.to_thread(self._near, pictures, within_bits)
        matches = [(stored, match) for stored, match in near if match.distance <= stored.bank.threshold_bits]
        allowed = any(match.allowed for _, match in matches)
        hits = [match.bank for _, match in matches if not allowed]
        return pb.MatchImageResponse(
            hashes=map(_hash, pictures),
            entries=[_entry(stored, match, allowed=allowed) for stored, match in near],
            matched_bank_ids=dict.fromkeys(hits),
        )

    def _near(self, pictures: Sequence[Pdq | bytes], within_bits: int) -> list[_Near]:
        """Each entry once, with the nearest of the frames."""
        nearest: dict[tuple[str, str], _Near] = {}
        for picture in pictures:
            if isinstance(picture, Pdq) and picture.featureless:
                continue
            hash_ = picture.hash if isinstance(picture, Pdq) else picture
            for stored, match in self._matcher.nearest(hash_, within_bits=within_bits, limit=SHOWN_PER_BANK):
                known = nearest.get((match.bank, match.entry))
                if known is None or match.distance < known[1].distance:
                    nearest[match.bank, match.entry] = stored, match
        return sorted(nearest.values(), key=lambda each: (each[1].distance, each[1].bank, each[1].entry))


def _entry(stored: StoredBank, match: BankMatch, *, allowed: bool) -> pb.NearEntry:
    within = match.distance <= stored.bank.threshold_bits
    return pb.NearEntry(
        bank_id=match.bank,
        bank_kind=KINDS[stored.bank.kind],
        entry_id=match.entry,
        distance_bits=match.distance,
        within_threshold=within,
        taken_back=within and allowed and not match.allowed,
    )


def _hash(picture: Pdq | bytes) -> pb.ImageHash:
    if isinstance(picture, Pdq):
        return pb.ImageHash(hash=picture.hash.hex(), quality=picture.quality)
    return pb.ImageHash(hash=picture.hex())
