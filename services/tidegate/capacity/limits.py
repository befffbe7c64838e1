"""What stands in the way of a plan: what Tidegate as it is built, or a server as it was measured, does not do."""

import math
from collections.abc import Iterator, Sequence

from tidegate.capacity.connections import USUAL_MOST, connections_of
from tidegate.capacity.costs import Costs
from tidegate.capacity.demand import Demand, Rates
from tidegate.capacity.need import DeploymentNeed
from tidegate.capacity.storage import (
    APPENDS,
    GIB,
    REWRITTEN,
    REWRITTEN_BYTES_PER_S,
    TB,
    days_until_full,
    decisions_a_day,
    event_bytes_a_day,
    export_bytes_a_day,
    filled,
    kept_event_bytes,
    servers_of,
)

LONG_ERASURE_H = 12.0
"""Above which the duration of an erasure is told."""


def limits_of(demand: Demand, rates: Rates, deployments: Sequence[DeploymentNeed], costs: Costs) -> Iterator[str]:
    """One sentence each; none if nothing does."""
    for each in deployments:
        if each.bound:
            yield f"{each.name} {each.bound}"
    yield from _ledger(demand, rates, deployments, costs)
    events = rates.items * demand.mix.events_per_item
    most = costs["event_log.events_per_s"].value
    if events > most:
        yield f"the event log is SQLite with one writer: {most:,.0f} events/s of {events:,.0f}"
    written = costs["redis.accounts_written_per_s"].value
    if rates.items > written:
        yield (
            f"one lock guards writes of signals to Redis: about {written:,.0f} accounts/s, where each of "
            f"{rates.items:,.0f} items/s may change one (features/redis.md)"
        )
    yield from _volumes(demand, rates, costs)
    a_day = decisions_a_day(demand, rates) * costs["ledger.bytes_per_decision"].value / TB
    yield (
        f"nothing removes old decisions by itself: the ledger is counted with {demand.retention_days:g} days of them,"
        f" and grows by {a_day:,.3g} TB a day until `tidegate ledger retention` runs every night; on Kubernetes its job"
        " comes suspended (k8s/overlays/production/README.md, --retention-days)"
    )


def _ledger(demand: Demand, rates: Rates, deployments: Sequence[DeploymentNeed], costs: Costs) -> Iterator[str]:
    figure, servers = costs[APPENDS], servers_of(demand, rates, costs)
    if servers > 1:
        yield (
            f"the ledger is one PostgreSQL server, which made {figure.value:,.0f} decisions/s durable "
            f"({figure.cited()}), of {rates.items:,.0f} at the peak: {servers:,} like it, "
            f"{demand.utilisation:.0%} busy. Divide accounts among installations (regions), or measure a bigger server"
        )
    held = connections_of(demand.topology, deployments).amount or 0
    if held > USUAL_MOST:
        divided = f": {math.ceil(held / servers):,} each if {servers:,} servers share them" if servers > 1 else ""
        yield (
            f"routers and stages hold {held:,.0f} connections to PostgreSQL, which takes {USUAL_MOST} unless "
            f"max_connections is raised{divided}. PgBouncer was not tried"
        )


def _erasures(demand: Demand, rates: Rates, costs: Costs) -> Iterator[str]:
    """An erasure rewrites the event log, whose pages become less full: it needs room for that, and time."""
    events, volume_gib = event_bytes_a_day(demand, rates, costs), demand.event_volume_gib
    most = volume_gib * GIB / REWRITTEN
    kept = kept_event_bytes(demand, rates, costs)
    grown = events * demand.retention_days if kept is None else kept
    if grown > most:
        wanted = "" if kept is None else f": {kept * REWRITTEN / GIB:,.0f} GiB hold it at its full size"
        yield (
            f"`tidegate account erase` rewrites the event log, which may grow to {REWRITTEN:g} times its size: it may"
            f" fail once the log has {most / GIB:,.3g} of the volume's {volume_gib:g} GiB{wanted} (--event-volume-gib)"
        )
    hours = min(grown, volume_gib * GIB) / REWRITTEN_BYTES_PER_S / 3_600
    if hours > LONG_ERASURE_H:
        yield (
            f"`tidegate account erase` takes {hours:,.3g} hours once the event log is that large, by proportion to"
            f" {REWRITTEN_BYTES_PER_S / 1e6:.2g} MB/s of a small one; events come in and are read meanwhile"
        )


def _volumes(demand: Demand, rates: Rates, costs: Costs) -> Iterator[str]:
    events, volume_gib = event_bytes_a_day(demand, rates, costs), demand.event_volume_gib
    kept = kept_event_bytes(demand, rates, costs)
    if kept is not None:
        if kept > volume_gib * GIB:
            yield (
                f"the event log becomes {kept / GIB:,.0f} GiB with events kept {demand.event_keep_days} days, and its"
                f" volume has {volume_gib:g} (--event-volume-gib)"
            )
    elif days_until_full(volume_gib, events) < demand.retention_days:
        yield f"all events are kept: {filled(volume_gib, events)} (--event-keep-days, --event-volume-gib)"
    yield from _erasures(demand, rates, costs)
    exported, volume_gib = export_bytes_a_day(demand, rates, costs), demand.export_volume_gib
    if days_until_full(volume_gib, exported) < demand.retention_days:
        yield f"nothing removes old exports: {filled(volume_gib, exported)} (--export-volume-gib)"
