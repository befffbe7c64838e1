"""Memory and disk: the online store, the ledger and its exports, the event log; when a volume is full."""

import math
from collections.abc import Iterator
from datetime import timedelta

from tidegate.capacity.costs import Costs
from tidegate.capacity.demand import Demand, Rates
from tidegate.capacity.need import Need
from tidegate.features.retention.period import days_back
from tidegate.features.retention.reach import ALLOWED_REACH

GIB, TB = 2**30, 1e12
_DAY_S = 86_400
GAPS = 1.1
"""How much larger an event is where events go than in a log that only grows (loadtests/features/README.md)."""
REWRITTEN = 1.15
"""How much of a volume an erasure needs, in sizes of the log: its pages become less full. 1.13 for a log that VACUUM
had packed, 1.03 for one that grew (300,000 events, SQLite 3.40; the file was watched meanwhile, by hand)."""
REWRITTEN_BYTES_PER_S = 188e6 / 59.0
"""How fast an erasure rewrites the log: 188 MB, a million events, in 29 s of work on a quiet machine of two cores, and
as long in rests. With ten processes that wanted the cores, and a fifth of the rows in each transaction, it took five
times as long."""
APPENDS, EXPORTED, EVENT = "ledger.appends_per_s", "ledger.export_bytes_per_decision", "event_log.bytes_per_event"


def storage_of(demand: Demand, rates: Rates, costs: Costs) -> Iterator[Need]:
    """What is kept."""
    yield from _redis(demand, rates, costs)
    yield from _ledger(demand, rates, costs)
    yield from _events(demand, rates, costs)


def decisions_a_day(demand: Demand, rates: Rates) -> float:
    """By the mean of a day."""
    return rates.items * demand.mean_share * _DAY_S


def event_bytes_a_day(demand: Demand, rates: Rates, costs: Costs) -> float:
    """By which the event log grows."""
    return decisions_a_day(demand, rates) * demand.mix.events_per_item * costs[EVENT].value


def export_bytes_a_day(demand: Demand, rates: Rates, costs: Costs) -> float:
    """By which exports grow, if every decision is exported once."""
    return decisions_a_day(demand, rates) * costs[EXPORTED].value


def days_until_full(volume_gib: float, bytes_a_day: float) -> float:
    """From empty; infinity if nothing comes."""
    return volume_gib * GIB / bytes_a_day if bytes_a_day else math.inf


def event_days(demand: Demand, keep_days: int) -> tuple[float, float]:
    """How long the event of a decision is kept that is ALLOW, and every other event: as long as any, to be careful."""
    return days_back(keep_days) + ALLOWED_REACH / timedelta(days=1), float(keep_days)


def kept_event_bytes(demand: Demand, rates: Rates, costs: Costs) -> float | None:
    """How large the event log becomes; None if all events are kept."""
    if demand.event_keep_days is None:
        return None
    allowed, other = event_days(demand, demand.event_keep_days)
    decisions = min(1.0, demand.mix.events_per_item)
    allow = decisions * demand.allowed_share
    held = allow * allowed + (demand.mix.events_per_item - allow) * other
    return decisions_a_day(demand, rates) * held * costs[EVENT].value * GAPS


def filled(volume_gib: float, bytes_a_day: float) -> str:
    """In words."""
    days = days_until_full(volume_gib, bytes_a_day)
    if math.isinf(days):
        return f"{volume_gib:g} GiB are never full"
    told = f"{days:,.3g} days" if days >= 1 else f"{days * 24:,.2g} hours"
    return f"{volume_gib:g} GiB are full in {told}, at {bytes_a_day / 1e9:,.1f} GB a day"


def servers_of(demand: Demand, rates: Rates, costs: Costs) -> int:
    """PostgreSQL servers as measured, by the ledger's writes alone."""
    return max(1, math.ceil(rates.items / (costs[APPENDS].value * demand.utilisation)))


def _redis(demand: Demand, rates: Rates, costs: Costs) -> Iterator[Need]:
    value, slot = "redis.bytes_per_account", "redis.slot_bytes_per_account"
    each = costs[value].value + costs[slot].value
    data = demand.accounts * each / GIB
    yield Need("Redis", "data", data, "GiB", f"{demand.accounts:,.0f} accounts x {each:,.0f} bytes", (value, slot))
    by_memory = data / (demand.redis_node_gib * demand.redis_fill)
    read, write = "redis.lookup_us", "redis.write_us"
    spent = rates.items * (costs[read].value + costs[write].value) / 1e6
    by_cpu = spent / demand.utilisation
    primaries = max(1, math.ceil(max(by_memory, by_cpu)))
    first = "memory" if by_memory >= by_cpu else "CPU time"
    why = (
        f"{first} decides: {by_memory:,.1f} by memory ({demand.redis_node_gib:g} GiB, {demand.redis_fill:.0%} full), "
        f"{by_cpu:,.1f} by CPU (a lookup and at most one write an item, one core a node, {demand.utilisation:.0%} busy)"
    )
    yield Need("Redis", "primaries", primaries, "nodes", why, (value, slot, read, write))
    copies = primaries * demand.redis_copies
    yield Need("Redis", "replicas", copies, "nodes", f"{demand.redis_copies} of each primary")


def _ledger(demand: Demand, rates: Rates, costs: Costs) -> Iterator[Need]:
    figure = "ledger.bytes_per_decision"
    daily = decisions_a_day(demand, rates)
    a_day = daily * costs[figure].value / TB
    size = costs[figure].value
    yield Need(
        "Ledger", "decisions", daily / 1e6, "million a day", f"mean of the day is {demand.mean_share:.0%} of peak"
    )
    yield Need("Ledger", "growth", a_day, "TB a day", f"{size:,.0f} bytes each in PostgreSQL, with indexes", (figure,))
    kept = f"{demand.retention_days:g} days of it, one copy, nothing compressed or moved to Parquet"
    yield Need("Ledger", "kept", a_day * demand.retention_days, "TB", kept, (figure,))
    why = f"by writes: one made {costs[APPENDS].value:,.0f} decisions/s durable; {demand.utilisation:.0%} busy"
    yield Need("Ledger", "PostgreSQL", servers_of(demand, rates, costs), "servers as measured", why, (APPENDS,))
    exported = export_bytes_a_day(demand, rates, costs)
    why = f"{costs[EXPORTED].value:,.0f} bytes each in Parquet; {filled(demand.export_volume_gib, exported)}"
    yield Need("Ledger", "exports", exported / TB, "TB a day", why, (EXPORTED,))


def _events(demand: Demand, rates: Rates, costs: Costs) -> Iterator[Need]:
    most = "event_log.events_per_s"
    at_peak = rates.items * demand.mix.events_per_item
    why = f"{demand.mix.events_per_item:g} an item; one process made {costs[most].value:,.0f}/s durable"
    yield Need("Event log", "events", at_peak, "1/s", why, (most,))
    a_day = event_bytes_a_day(demand, rates, costs)
    why = f"{costs[EVENT].value:,.0f} bytes each, as in SQLite; "
    if demand.event_keep_days is None:
        why += filled(demand.event_volume_gib, a_day)
    else:
        why += f"{a_day / 1e9:,.1f} GB a day until as much goes as comes: see volume"
    yield Need("Event log", "growth", a_day / TB, "TB a day", why, (EVENT,))
    kept = kept_event_bytes(demand, rates, costs)
    if kept is not None and demand.event_keep_days is not None:
        allowed, other = event_days(demand, demand.event_keep_days)
        why = (
            f"events of decisions that are ALLOW ({demand.allowed_share:.0%} of them, an assumption) {allowed:g} days,"
            f" others {other:g} at most; x {GAPS:g}, since pages do not stay full"
        )
        yield Need("Event log", "volume", kept / GIB, "GiB", why, (EVENT,))
