"""How banks and what is near to a picture are shown: as JSON for machines, as tables for people."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.cli.decision_drawing import plain
from tidegate.detectors.banks.pdq import MIN_QUALITY

_KINDS = {pb.BANK_KIND_MATCH: "match", pb.BANK_KIND_ALLOW: "allow"}
KINDS = {name: value for value, name in _KINDS.items()}
"""Kinds of banks as they are named on the command line."""


def bank_as_json(bank: pb.HashBank) -> dict[str, Any]:
    """The machine format of a bank."""
    return {
        "id": bank.id,
        "kind": _KINDS[bank.kind],
        "max_distance_bits": bank.max_distance_bits,
        "enabled": bank.enabled,
        "description": bank.description,
        "entries": bank.entry_count,
        "hashes": bank.hash_count,
        "created_at": bank.create_time.ToDatetime().isoformat() + "Z",
    }


def match_as_json(found: pb.MatchImageResponse) -> dict[str, Any]:
    """The machine format of a dry run."""
    return {
        "matched_banks": list(found.matched_bank_ids),
        "hashes": [
            {"hash": each.hash, "quality": each.quality if each.HasField("quality") else None} for each in found.hashes
        ],
        "near": [
            {
                "bank": near.bank_id,
                "kind": _KINDS[near.bank_kind],
                "entry": near.entry_id,
                "distance_bits": near.distance_bits,
                "within_threshold": near.within_threshold,
                "taken_back": near.taken_back,
            }
            for near in found.entries
        ],
    }


def draw_banks(banks: Iterable[pb.HashBank]) -> None:
    """A row per bank."""
    table = _table("bank", "a match", "within", "", "entries", "hashes", "description")
    for bank in banks:
        table.add_row(
            bank.id,
            "matches" if bank.kind == pb.BANK_KIND_MATCH else Text("allows", style="green"),
            f"{bank.max_distance_bits} bits",
            "" if bank.enabled else Text("disabled", style="yellow"),
            f"{bank.entry_count:,}",
            f"{bank.hash_count:,}",
            plain(bank.description),
        )
    Console(highlight=False).print(table)


def draw_entry(entry: pb.BankEntry) -> None:
    """A line per entry, as they come."""
    more = f"  and {len(entry.hashes) - 1} more" if len(entry.hashes) > 1 else ""
    Console(highlight=False, soft_wrap=True).print(Text(f"{entry.hashes[0]}{more}  {plain(entry.id)}"))


def draw_match(found: pb.MatchImageResponse) -> None:
    """The verdict, the hashes and what is near."""
    console = Console(highlight=False)
    banks = ", ".join(found.matched_bank_ids)
    console.print(Text(f"matches {banks}", style="bold red") if banks else Text("no match", style="bold green"))
    for each in found.hashes:
        console.print(f"{each.hash}  {_quality(each)}", style="dim", soft_wrap=True)
    if not found.entries:
        return
    table = _table("bank", "entry", "distance", "")
    for near in found.entries:
        table.add_row(near.bank_id, plain(near.entry_id), f"{near.distance_bits} bits", _verdict(near))
    console.print(table)


def _quality(each: pb.ImageHash) -> str:
    if not each.HasField("quality"):
        return ""
    note = ": too little to see, so nothing is matched" if each.quality < MIN_QUALITY else ""
    return f"quality {each.quality}{note}"


def _verdict(near: pb.NearEntry) -> Text:
    if not near.within_threshold:
        return Text("beyond the threshold", style="dim")
    if near.bank_kind == pb.BANK_KIND_ALLOW:
        return Text("known to be allowed", style="green")
    return Text("taken back", style="yellow") if near.taken_back else Text("match", style="bold red")


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in headings:
        numbers = heading in {"entries", "hashes", "distance", "within"}
        table.add_column(heading, overflow="fold", justify="right" if numbers else "left")
    return table
