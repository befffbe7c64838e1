"""HashBankService's requests to domain: every wrong field named at once, before anything is read or changed."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.detectors.banks.bank import (
    BANK_ID,
    DEFAULT_THRESHOLD_BITS,
    MAX_DESCRIPTION,
    MAX_ENTRY_ID,
    MAX_HASHES,
    MAX_THRESHOLD_BITS,
    Bank,
    BankChange,
    BankKind,
    Entry,
    hash_of_hex,
)
from tidegate.detectors.banks.pdq import MIN_QUALITY, Pdq, orientations, pdq
from tidegate.detectors.images.decoding import Pixels, UnreadableImageError
from tidegate.moderation.errors import FieldViolation, InvalidRequest
from tidegate.serving.decode import MOST_PROBLEMS

MAX_ENTRIES = 1_000
"""Most entries of one call."""
DEFAULT_PAGE = 100
"""Entries of a page if the request names no number."""
_MAX_NUMBER = 2**63 - 1

ReadFrames = Callable[[bytes], tuple[Pixels, ...]]
"""The frames of an encoded image. Raises UnreadableImageError."""

_KINDS = {pb.BANK_KIND_MATCH: BankKind.MATCH, pb.BANK_KIND_ALLOW: BankKind.ALLOW}


class _NamesBank(Protocol):
    bank_id: str


def bank_id_of(request: _NamesBank) -> str:
    """The bank that a request names. Raises InvalidRequest."""
    _refuse_if_any(_bank_id_problems(request.bank_id))
    return request.bank_id


def new_bank_of(request: pb.CreateBankRequest) -> Bank:
    """The bank to make. Raises InvalidRequest."""
    _refuse_if_any(_bank_problems(request))
    return Bank(
        id=request.bank_id,
        kind=_KINDS.get(request.kind, BankKind.MATCH),
        threshold_bits=request.max_distance_bits if request.HasField("max_distance_bits") else DEFAULT_THRESHOLD_BITS,
        enabled=request.enabled if request.HasField("enabled") else True,
        description=request.description,
    )


def change_of(request: pb.UpdateBankRequest) -> BankChange:
    """What to change in a bank. Raises InvalidRequest."""
    _refuse_if_any(_bank_problems(request))
    return BankChange(
        kind=_KINDS.get(request.kind),
        threshold_bits=request.max_distance_bits if request.HasField("max_distance_bits") else None,
        enabled=request.enabled if request.HasField("enabled") else None,
        description=request.description if request.HasField("description") else None,
    )


def new_entries_of(request: pb.AddEntriesRequest, read: ReadFrames) -> tuple[Entry, ...]:
    """The entries to add, images hashed: blocking, milliseconds for each. Raises InvalidRequest."""
    _refuse_if_any(_bank_id_problems(request.bank_id))
    _refuse_if_any(_count_problems("entries", len(request.entries)))
    problems: list[FieldViolation] = []
    entries: dict[str, Entry] = {}
    for index, new in enumerate(request.entries):
        path = f"entries[{index}]"
        wrong = list(_entry_id_problems(f"{path}.id", new.id))
        if new.id in entries:
            wrong.append(FieldViolation(f"{path}.id", "must differ from the ids of the other entries"))
        try:
            entries[new.id] = Entry(new.id, _hashes_of(new, path, read))
        except InvalidRequest as error:
            wrong += error.fields
        problems += wrong
        if len(problems) >= MOST_PROBLEMS:
            break
    _refuse_if_any(problems)
    return tuple(entries.values())


def entry_ids_of(request: pb.RemoveEntriesRequest) -> tuple[str, ...]:
    """The entries to remove. Raises InvalidRequest."""
    _refuse_if_any(_bank_id_problems(request.bank_id))
    _refuse_if_any(_count_problems("entry_ids", len(request.entry_ids)))
    paths = enumerate(request.entry_ids)
    _refuse_if_any(problem for at, each in paths for problem in _entry_id_problems(f"entry_ids[{at}]", each))
    return tuple(request.entry_ids)


def page_of(request: pb.ListEntriesRequest) -> tuple[int, int]:
    """The number after which a page begins, and its size. Raises InvalidRequest."""
    _refuse_if_any(_bank_id_problems(request.bank_id))
    token = request.page_token or "0"
    known = token.isascii() and token.isdigit() and int(token) <= _MAX_NUMBER
    if not known:
        raise _invalid("page_token", "must be empty, or the next_page_token of an earlier page")
    if not 0 <= request.page_size <= MAX_ENTRIES:
        raise _invalid("page_size", f"must be 1 to {MAX_ENTRIES}, or 0 for {DEFAULT_PAGE}")
    return int(token), request.page_size or DEFAULT_PAGE


def distance_of(request: pb.MatchImageRequest) -> int:
    """How far to look beyond each bank's own threshold. Raises InvalidRequest."""
    _refuse_if_any(_distance_problems(request.max_distance_bits))
    return request.max_distance_bits


def pictures_of(request: pb.MatchImageRequest, read: ReadFrames) -> tuple[Pdq | bytes, ...]:
    """What to look for: hashes with their quality, or the one that was given. Blocking. Raises InvalidRequest."""
    match request.WhichOneof("source"):
        case "image":
            return tuple(map(pdq, _frames(request.image, "image", read)))
        case "hash":
            return (_hash(request.hash, "hash"),)
        case _:
            raise _invalid("source", "must have exactly one of image or hash")


def _hashes_of(new: pb.NewBankEntry, path: str, read: ReadFrames) -> tuple[bytes, ...]:
    match new.WhichOneof("source"):
        case "image":
            return _hashes_of_image(new, f"{path}.image", read)
        case "hashes":
            given = new.hashes.hashes
            if not 1 <= len(given) <= MAX_HASHES:
                raise _invalid(f"{path}.hashes.hashes", f"must have 1 to {MAX_HASHES} hashes, has {len(given)}")
            hashes = (_hash(each, f"{path}.hashes.hashes[{at}]") for at, each in enumerate(given))
            return tuple(dict.fromkeys(hashes))
        case _:
            raise _invalid(path, "must have exactly one of image or hashes")


def _hashes_of_image(new: pb.NewBankEntry, path: str, read: ReadFrames) -> tuple[bytes, ...]:
    frames = _frames(new.image, path, read)
    seen = [pdq(frame) for frame in frames]
    if all(each.featureless for each in seen):
        best = max(each.quality for each in seen)
        raise _invalid(
            path, f"has too little to see to be known again: PDQ quality {best}, at least {MIN_QUALITY} is needed"
        )
    kept = [(frame, each) for frame, each in zip(frames, seen, strict=True) if not each.featureless]
    hashes = (turn for frame, each in kept for turn in ((each.hash,) if new.upright_only else orientations(frame)))
    return tuple(dict.fromkeys(hashes))


def _frames(data: bytes, path: str, read: ReadFrames) -> tuple[Pixels, ...]:
    try:
        return read(data)
    except UnreadableImageError as error:
        raise _invalid(
            path, "must be a complete image that decodes, as JPEG, PNG, WEBP, GIF, and not too large"
        ) from error


def _hash(text: str, path: str) -> bytes:
    try:
        return hash_of_hex(text)
    except ValueError as error:
        raise _invalid(path, str(error)) from error


def _bank_problems(request: pb.CreateBankRequest | pb.UpdateBankRequest) -> Iterator[FieldViolation]:
    yield from _bank_id_problems(request.bank_id)
    if request.kind not in pb.BankKind.values():
        yield FieldViolation("kind", "must be BANK_KIND_MATCH, BANK_KIND_ALLOW or unspecified")
    if request.HasField("max_distance_bits"):
        yield from _distance_problems(request.max_distance_bits)
    if len(request.description) > MAX_DESCRIPTION:
        yield FieldViolation(
            "description", f"must have at most {MAX_DESCRIPTION} characters, has {len(request.description)}"
        )
    if "\0" in request.description:  # which PostgreSQL can't store
        yield FieldViolation("description", "must have no zero character")


def _bank_id_problems(bank_id: str) -> Iterator[FieldViolation]:
    if not BANK_ID.fullmatch(bank_id):
        yield FieldViolation("bank_id", "must be 1 to 64 characters of a-z, 0-9 and _")


def _distance_problems(bits: int) -> Iterator[FieldViolation]:
    if not 0 <= bits <= MAX_THRESHOLD_BITS:
        yield FieldViolation("max_distance_bits", f"must be 0 to {MAX_THRESHOLD_BITS}, is {bits}")


def _count_problems(path: str, count: int) -> Iterator[FieldViolation]:
    if not 1 <= count <= MAX_ENTRIES:
        yield FieldViolation(path, f"must have 1 to {MAX_ENTRIES}, has {count}")


def _entry_id_problems(path: str, entry_id: str) -> Iterator[FieldViolation]:
    if not 1 <= len(entry_id) <= MAX_ENTRY_ID:
        yield FieldViolation(path, f"must have 1 to {MAX_ENTRY_ID} characters, has {len(entry_id)}")
    elif not entry_id.isprintable():
        yield FieldViolation(path, "must have printable characters only")


def _refuse_if_any(problems: Iterable[FieldViolation]) -> None:
    found = list(problems)[:MOST_PROBLEMS]
    if found:
        raise InvalidRequest(found)


def _invalid(path: str, description: str) -> InvalidRequest:
    return InvalidRequest([FieldViolation(path, description)])
