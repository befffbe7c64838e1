"""The rows of the result, with the targets of a comparison."""

from collections.abc import Iterator, Mapping

from loadtests.compare import contenders as who
from loadtests.compare.findings import SHARED, Findings, Group
from loadtests.compare.load_plan import Kind
from loadtests.compare.measuring import GENERATOR
from loadtests.compare.ratios import ratio
from loadtests.compare.schedule import CALLERS, STREAMS, WINDOW, Detector, Tracing
from tidegate.models.evaluation.bench_row import Row, at_least, at_most, shown

MOST_MEMORY_GIB = 2.5
MOST_POLICY_MS = 0.3
FLAT = 1.1
"""Most that rules of other surfaces and markets may add: a tenth, about what two medians differ by anyway."""
MOST_OTHERS = 0.2
"""Cores that other programs may take, or the figures say little."""
_NAMES = {Detector.CHEAP: "cheap detector", Detector.REAL: "real text detector"}


def rows(found: Findings) -> list[Row]:
    """Everything, targets first."""
    return [*_targets(found), *_others(found)]


def _targets(found: Findings) -> Iterator[Row]:
    by_hand = _unary(found, who.HANDWRITTEN)
    cheap = f"items/s, {CALLERS} callers, cheap detector"
    for contender, bound in ((who.DISTRIBUTED, 1.3), (who.COLOCATED, 1.8)):
        yield _least(f"{cheap}: {contender} ÷ hand-written", _unary(found, contender), by_hand, bound)
    yield _least(f"{cheap}: distributed ÷ naive Serve", _unary(found, who.DISTRIBUTED), _unary(found, who.NAIVE), 4.0)
    for contender in (who.DISTRIBUTED, who.COLOCATED):
        streamed = _streamed(found, contender, Detector.CHEAP)
        yield _least(f"streaming items/s, cheap detector: {contender} ÷ hand-written unary", streamed, by_hand, 5.0)
    alone = {name: _p50(found, name) for name in (who.HANDWRITTEN, who.DISTRIBUTED, who.COLOCATED)}
    for contender, bound in ((who.DISTRIBUTED, 1.8), (who.COLOCATED, 1.1)):
        what = f"p50 of one caller, cheap detector: {contender} ÷ hand-written"
        yield _most(what, alone[contender], alone[who.HANDWRITTEN], bound)
    for contender in (who.DISTRIBUTED, who.COLOCATED):
        what = f"streaming items/s, real text detector: {contender} ÷ bare Triton on the same tensors"
        yield _least(what, _streamed(found, contender, Detector.REAL), found.bare_limit(Detector.REAL), 0.8)
    yield from _switches(found)
    yield from _policy(found)
    yield _memory(found)
    for contender, agreed in found.agreement.items():
        share = round(agreed.equal / agreed.compared, 4) if agreed.compared else None
        yield at_least(f"equal outcomes, {contender} and distributed, n = {agreed.compared}", share, 1.0, "")


def _switches(found: Findings) -> Iterator[Row]:
    off = _unary(found, who.DISTRIBUTED, Tracing.OFF)
    for note, bound in ((Tracing.SOME, 0.97), (Tracing.ALL, 0.85)):
        what = f"items/s, {CALLERS} callers, cheap detector, distributed: {note} ÷ tracing off"
        yield _least(what, _unary(found, who.DISTRIBUTED, note), off, bound)
    what = f"items/s, {CALLERS} callers, cheap detector, distributed: durable ledger on ÷ off"
    yield _least(what, _unary(found, who.DISTRIBUTED), _unary(found, who.DISTRIBUTED_UNRECORDED), 0.9)


def _policy(found: Findings) -> Iterator[Row]:
    cost = found.policy
    if cost is None:
        return
    yield at_most("CPU time per decision, 1,000 rules", cost.alone_ms, MOST_POLICY_MS, "ms")
    beside = round(cost.beside_others_ms / cost.alone_ms, 3)
    yield at_most("the same, beside 2,000 rules of other surfaces and markets ÷ alone", beside, FLAT, "")
    yield shown("the same, on an item for which nearly all rules fire", cost.all_severe_ms, "ms")


def _memory(found: Findings) -> Row:
    stack, shared = found.memory.get(who.DISTRIBUTED), found.memory.get(SHARED)
    gib = round((stack.proportional + shared.proportional) / 1024, 2) if stack and shared else None
    return at_most("memory of the whole stack, distributed (Pss)", gib, MOST_MEMORY_GIB, "GiB")


def _others(found: Findings) -> Iterator[Row]:
    by_hand = _unary(found, who.HANDWRITTEN)
    whole = _unary(found, who.HANDWRITTEN_WHOLE)
    pairs = (
        ("distributed ÷ hand-written that reads all features", _unary(found, who.DISTRIBUTED), whole),
        ("hand-written that reads all features ÷ hand-written", whole, by_hand),
        ("hand-written: ledger on ÷ off", by_hand, _unary(found, who.HANDWRITTEN_UNRECORDED)),
    )
    for what, ours, theirs in pairs:
        yield _plain(f"items/s, {CALLERS} callers, cheap detector: {what}", ours, theirs)
    for group in _groups(found):
        what = f"{group.contender}, {_NAMES[Detector(group.detector)]}, {_load(group)}"
        yield shown(f"{what}: items/s", found.middle(group, "items_per_s"), "1/s")
        for percent in (50, 95, 99):
            yield shown(f"{what}: p{percent}", found.middle(group, f"p{percent}_ms"), "ms")
        spent = sum(taken for role, taken in found.cpu_ms(group).items() if role != GENERATOR)
        yield shown(f"{what}: CPU time per item, load generator left out", round(spent, 3), "ms")
    for detector in Detector:
        limit = found.bare_limit(detector)
        best = max(limit.values()) if limit else None
        yield shown(f"bare Triton, {_NAMES[detector]}: texts/s", best, "1/s")
    for contender, memory in found.memory.items():
        yield shown(f"memory, {contender} (Pss)", round(memory.proportional), "MiB")
        yield shown(f"memory, {contender} (sum of resident)", round(memory.resident), "MiB")
    yield at_most("cores that other programs took, most of all cells", _most_others(found), MOST_OTHERS, "")


def _unary(found: Findings, contender: str, note: str = "") -> Mapping[int, float]:
    return found.by_repeat(Group(contender, Detector.CHEAP, Kind.UNARY, CALLERS, note), "items_per_s")


def _streamed(found: Findings, contender: str, detector: Detector) -> Mapping[int, float]:
    return found.by_repeat(Group(contender, detector, Kind.STREAM, STREAMS * WINDOW), "items_per_s")


def _p50(found: Findings, contender: str) -> Mapping[int, float]:
    return found.by_repeat(Group(contender, Detector.CHEAP, Kind.UNARY, 1), "p50_ms")


def _groups(found: Findings) -> list[Group]:
    return [
        *dict.fromkeys(
            Group(each.contender, each.detector, Kind(each.kind), each.in_flight, each.note) for each in found.samples
        )
    ]


def _load(group: Group) -> str:
    how = f"{STREAMS} streams" if group.kind is Kind.STREAM else f"{group.in_flight} callers"
    return f"{how}, {group.note}" if group.note else how


def _most_others(found: Findings) -> float | None:
    return max((each.others_cores for each in found.samples), default=None)


def _least(what: str, ours: Mapping[int, float], theirs: Mapping[int, float], bound: float) -> Row:
    return at_least(what, _ratio(ours, theirs), bound, "")


def _most(what: str, ours: Mapping[int, float], theirs: Mapping[int, float], bound: float) -> Row:
    return at_most(what, _ratio(ours, theirs), bound, "")


def _plain(what: str, ours: Mapping[int, float], theirs: Mapping[int, float]) -> Row:
    return shown(what, _ratio(ours, theirs), "")


def _ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> float | None:
    found = ratio(ours, theirs)
    return None if found is None else found.value
