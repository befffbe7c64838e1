"""Replicas: how much CPU time a second's traffic takes in each deployment, and how many cores that is."""

import math
from collections.abc import Iterator

from tidegate.capacity.costs import TEXT_DETECTORS, Costs, Hop, Topology, stage_key, text_key, triton_key
from tidegate.capacity.demand import Demand, Rates
from tidegate.capacity.need import DeploymentNeed, Work
from tidegate.capacity.queueing import mmc_mean_wait

SIGNALS_REPLICAS = 1
"""AccountSignals is one replica by construction (`serving/app.py`): it owns the event log's writer."""


def deployments_of(demand: Demand, rates: Rates, costs: Costs) -> list[DeploymentNeed]:
    """Every deployment that has something to do, in the order of an item's way."""
    found = []
    for name, work in _works(demand, rates, costs):
        done = tuple(each for each in work if each.per_second and each.cost_ms)
        if done:
            found.append(_sized(name, done, demand))
    return found


def _works(demand: Demand, rates: Rates, costs: Costs) -> Iterator[tuple[str, list[Work]]]:
    topology, calls = demand.topology, demand.calls
    yield "HAProxy", [_work(costs, "items", rates.items, stage_key(topology, calls, Hop.HAPROXY))]
    router = [_work(costs, "items", rates.items, stage_key(topology, calls, Hop.ROUTER))]
    images, speech = _image_work(demand, rates, costs), _speech_work(rates, costs)
    if topology is Topology.COLOCATED:
        # Measured with one detector on each text; the second one's share is known from its own stage.
        second = _work(costs, "texts, second detector", rates.scored, _stage_of_second(demand))
        yield "ModerationRouter", [*router, second, *images, *speech]
    else:
        yield "ModerationRouter", router
        yield "FeatureLookup", [_work(costs, "items", rates.items, stage_key(topology, calls, Hop.FEATURES))]
        texts = [
            _work(costs, f"texts, {each}", rates.scored, text_key(topology, calls, each)) for each in TEXT_DETECTORS
        ]
        yield "TextDetectors", texts
        yield "ImageDetectors", images
        yield "SpeechDetectors", speech
        yield "AccountSignals", [_work(costs, "items", rates.items, stage_key(topology, calls, Hop.SIGNALS))]
    yield "Triton on CPU", list(_triton_work(demand, rates, costs))


def _stage_of_second(demand: Demand) -> str:
    return text_key(Topology.DISTRIBUTED, demand.calls, TEXT_DETECTORS[1])


def _triton_work(demand: Demand, rates: Rates, costs: Costs) -> Iterator[Work]:
    for name in TEXT_DETECTORS:
        if name == TEXT_DETECTORS[0] and demand.gpu_texts_per_second is not None:
            continue
        yield _work(costs, f"texts, {name}", rates.scored, triton_key(demand.topology, demand.calls, name))
    if demand.gpu_images_per_second is None:
        yield _work(costs, "images, image_unsafe", rates.images, "triton.image_unsafe_ms")


def _image_work(demand: Demand, rates: Rates, costs: Costs) -> list[Work]:
    looked_at = ("image.decode_ms", "image.tensor_ms", "image.hash_ms")
    millions = demand.mix.known_pictures / 1e6
    searched = "image.search_ms_per_million"
    return [
        Work("images, looked at", rates.images, sum(costs[name].value for name in looked_at), looked_at),
        Work("images, searched in banks", rates.images, costs[searched].value * millions, (searched,)),
        _work(costs, "images, read", rates.images * demand.mix.read_images, "image.read_ms"),
    ]


def _speech_work(rates: Rates, costs: Costs) -> list[Work]:
    name = "speech.cpu_s_per_audio_s"
    return [Work("seconds of audio", rates.audio_s, costs[name].value * 1e3, (name,))]


def _work(costs: Costs, what: str, per_second: float, figure: str) -> Work:
    return Work(what, per_second, costs[figure].value, (figure,))


def _sized(name: str, work: tuple[Work, ...], demand: Demand) -> DeploymentNeed:
    busy = sum(each.cores for each in work)
    replicas = max(demand.least_replicas, math.ceil(busy / demand.utilisation))
    units = work[0].per_second
    wait_ms = mmc_mean_wait(replicas, units, busy / units) * 1e3
    bound = ""
    if name == "AccountSignals" and replicas > SIGNALS_REPLICAS:
        most = demand.utilisation / (busy / units)
        bound = f"is {SIGNALS_REPLICAS} replica as built, which keeps up with {most:,.0f} items/s"
        if busy <= demand.utilisation:
            replicas, bound = SIGNALS_REPLICAS, ""
            wait_ms = mmc_mean_wait(replicas, units, busy / units) * 1e3
    return DeploymentNeed(name, work, busy, replicas, wait_ms, bound)
