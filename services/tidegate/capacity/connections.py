"""Connections to PostgreSQL: what every process that has some holds, and how many a server takes."""

from collections.abc import Sequence
from typing import Final

from tidegate.capacity.costs import Topology
from tidegate.capacity.need import DeploymentNeed, Need

READERS: Final = 2
"""Of a router's ledger, as `PostgresLedger` has by default; a test compares them. One more writes."""
BANKS: Final = 1
"""That whoever uses hash banks keeps, and more while several calls run at once. Routers use them for changes; they
are read where images are looked at, in stages or colocated."""
USUAL_MOST: Final = 97
"""PostgreSQL's `max_connections` is 100 unless changed, and three of them are for superusers:
https://www.postgresql.org/docs/current/runtime-config-connection.html"""


def connections_of(topology: Topology, deployments: Sequence[DeploymentNeed]) -> Need:
    """All of them, ledger and hash banks in one database."""
    router = 1 + READERS + BANKS + (BANKS if topology is Topology.COLOCATED else 0)
    held = {"ModerationRouter": router, "ImageDetectors": BANKS}
    found = [each for each in deployments if each.name in held]
    amount = 1 + sum(held[each.name] * each.replicas for each in found)
    told = [f"{held[each.name]} for each of {each.replicas:,} {each.name}" for each in found]
    why = f"{', '.join(told)}, 1 for the signals; more in bursts of changes to banks"
    return Need("PostgreSQL", "connections", amount, "connections", why)
