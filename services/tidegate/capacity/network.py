"""Bytes on the wire: payloads only, without HTTP/2 frames and headers, TLS and TCP. Both directions added."""

from collections.abc import Iterator

from tidegate.capacity.costs import TEXT_DETECTORS, Costs, Topology
from tidegate.capacity.demand import Demand, Rates
from tidegate.capacity.need import Need

_KIB = 1_024


def network_of(demand: Demand, rates: Rates, costs: Costs) -> list[Need]:
    """Every edge, and their sum."""
    edges = [each for each in _edges(demand, rates, costs) if each.amount]
    total = sum(each.amount or 0.0 for each in edges)
    return [*edges, Need("Network", "all edges", total, "Gbit/s", "payloads; frames, TLS and TCP come on top")]


def _edges(demand: Demand, rates: Rates, costs: Costs) -> Iterator[Need]:
    mix = demand.mix
    image_bytes = mix.image_kib * _KIB
    audio_bytes = mix.audio_seconds * mix.audio_kbit_s * 1_000 / 8
    media = rates.images * image_bytes + rates.clips * audio_bytes
    asked = "network.request_bytes", "network.reply_bytes", "network.text_bytes"
    request, reply, text = (costs[name].value for name in asked)
    further = max(0.0, rates.text_parts - rates.items) * text
    outside = rates.items * (request + reply) + further + media
    told = f"request {request:,.0f} and reply {reply:,.0f} bytes an item"
    if rates.images:
        told += f", images {image_bytes / 1e3:,.0f} kB"
    if rates.clips:
        told += f", audio {audio_bytes / 1e3:,.0f} kB"
    yield _edge("callers to HAProxy", outside, told, asked)
    yield _edge("HAProxy to routers", outside, "the same again", asked)
    if demand.topology is Topology.DISTRIBUTED:
        looked = "network.lookup_bytes", "network.signals_bytes"
        lookups = rates.items * sum(costs[name].value for name in looked)
        yield _edge("routers to FeatureLookup", lookups, "an account asked and answered, pickled", looked)
        yield _edge("routers to TextDetectors", rates.scored * text, "the text; answers were not measured", asked[2:])
        yield _edge("routers to Image- and SpeechDetectors", media, "files as they came")
    tensors = tuple(f"network.tensors.{name}_bytes" for name in TEXT_DETECTORS)
    picture = "network.tensors.image_unsafe_bytes"
    sent = rates.scored * sum(costs[name].value for name in tensors) + rates.images * costs[picture].value
    used = (*tensors, picture) if rates.images else tensors
    yield _edge(
        "detectors to Triton",
        sent,
        "tensors of 32 tokens and of images" if rates.images else "tensors of 32 tokens",
        used,
    )
    stored = "network.redis_in_bytes", "network.redis_out_bytes"
    read = rates.items * sum(costs[name].value for name in stored)
    yield _edge("lookups to Redis", read, "all signals; policies read a third of them", stored)
    ledger = "ledger.bytes_per_decision"
    yield _edge("routers to the ledger", rates.items * costs[ledger].value, "as on disk, an upper bound", (ledger,))


def _edge(what: str, bytes_per_s: float, why: str, figures: tuple[str, ...] = ()) -> Need:
    return Need("Network", what, bytes_per_s * 8 / 1e9, "Gbit/s", why, figures)
