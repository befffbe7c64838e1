"""From a demand to a plan: the answer of `tidegate capacity`. Pure arithmetic over measured costs; read this first."""

import math
from collections.abc import Iterator, Sequence

from tidegate.capacity.connections import connections_of
from tidegate.capacity.costs import Costs
from tidegate.capacity.demand import Demand, Rates, rates_of
from tidegate.capacity.deployments import deployments_of
from tidegate.capacity.limits import limits_of
from tidegate.capacity.need import DeploymentNeed, Need, Plan
from tidegate.capacity.network import network_of
from tidegate.capacity.storage import storage_of

__all__ = ["planned"]


def planned(demand: Demand, costs: Costs) -> Plan:
    """What this demand needs, at these costs."""
    rates = rates_of(demand)
    deployments = deployments_of(demand, rates, costs)
    machines = _machines(demand, deployments, costs)
    gpus = _gpus(demand, rates)
    stored = [*storage_of(demand, rates, costs), connections_of(demand.topology, deployments)]
    needs = [*machines, *gpus, *stored, *network_of(demand, rates, costs)]
    used = [name for each in deployments for work in each.work for name in work.figures]
    used += [name for need in needs for name in need.figures]
    cited = {name: costs[name] for name in dict.fromkeys(used)}
    return Plan(deployments, needs, list(limits_of(demand, rates, deployments, costs)), cited)


def _machines(demand: Demand, deployments: Sequence[DeploymentNeed], costs: Costs) -> Iterator[Need]:
    cores = sum(each.replicas for each in deployments)
    yield Need("Machines", "CPU cores", cores, "cores", "one for each replica above")
    figure = "node.ray_cores"
    left = demand.node_cores - costs[figure].value
    nodes = math.ceil(cores / left)
    why = f"{demand.node_cores} cores each, less {costs[figure].value:.2f} for Ray's own; Ray's head comes on top"
    yield Need("Machines", "worker nodes", nodes, "nodes", why, (figure,))


def _gpus(demand: Demand, rates: Rates) -> Iterator[Need]:
    for what, asked, each, option in (
        ("text_harm", rates.scored, demand.gpu_texts_per_second, "--gpu-texts-per-second"),
        ("image_unsafe", rates.images, demand.gpu_images_per_second, "--gpu-images-per-second"),
    ):
        if not asked:
            continue
        if each is None:
            why = f"counted as CPU above. No GPU was measured here: measure yours and give {option}"
            yield Need("GPUs", what, None, "GPUs", why)
            continue
        amount = max(demand.least_replicas, math.ceil(asked / (each * demand.utilisation)))
        why = f"{asked:,.0f}/s, {each:,.0f}/s on each as you say, {demand.utilisation:.0%} busy"
        yield Need("GPUs", what, amount, "GPUs", why)
