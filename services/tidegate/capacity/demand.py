"""What is asked: the load to size for, and what it means per second for each kind of work."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.capacity.costs import Calls, Topology
from tidegate.capacity.mix import Mix
from tidegate.capacity.problems import problems_of
from tidegate.features.retention.period import LEAST_DAYS
from tidegate.pipeline.chunks import CHUNK_CHARACTERS

_CHARACTERS_PER_WORD = 6.0
"""English, with the blank."""


class DemandError(ValueError):
    """The question can't be answered as asked. The message names every wrong field and what is allowed."""


class Demand(BaseModel):
    """The question: how much, and with which assumptions."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    items_per_second: float = Field(gt=0, le=1e8)
    """At the busiest time."""
    mix: Mix = Mix()
    """What the items are."""
    topology: Topology = Topology.DISTRIBUTED
    """Stages as deployments of their own, or in the router."""
    calls: Calls = Calls.UNARY
    """One call an item, or streams."""
    utilisation: float = Field(0.6, gt=0, lt=1)
    """Share of its core that a replica may be busy at the busiest time. The rest is for spikes until more replicas have
    started, for a failing node, and for what a replica's queue needs to stay short."""
    least_replicas: int = Field(2, ge=1)
    """Of each deployment: one may fail."""
    mean_share: float = Field(1.0, gt=0, le=1)
    """Mean of a day divided by `items_per_second`, for what adds up over days. 1 is the careful choice."""
    accounts: float = Field(10_000_000, ge=1)
    """Accounts with signals in the online store."""
    retention_days: float = Field(183, gt=0)
    """How long decisions are kept: complaints are possible for six months (EU DSA, article 20)."""
    event_keep_days: int | None = Field(None, ge=LEAST_DAYS, le=365_000)
    """`signals.keep_events_days`; None keeps all events."""
    allowed_share: float = Field(0.95, ge=0, le=1)
    """Share of decisions that are ALLOW, whose events go first. An assumption about your traffic."""
    event_volume_gib: float = Field(20, gt=0)
    """Volume of the event log; by default `k8s/base/state.yaml`'s."""
    export_volume_gib: float = Field(100, gt=0)
    """Volume of the ledger's exports; by default `k8s/components/postgres/jobs.yaml`'s."""
    node_cores: int = Field(16, ge=2)
    """Of a worker node."""
    redis_node_gib: float = Field(64, gt=0)
    """Memory of a node of the online store."""
    redis_fill: float = Field(0.7, gt=0, le=1)
    """Share of it that data may take: fragmentation, buffers and copy on write while saving need the rest."""
    redis_copies: int = Field(1, ge=0)
    """Replicas of each primary."""
    gpu_texts_per_second: float | None = Field(None, gt=0)
    """What one GPU of yours answers of `text_harm`, measured by you. No GPU has been measured here."""
    gpu_images_per_second: float | None = Field(None, gt=0)
    """The same for `image_unsafe`."""

    @classmethod
    def of(cls, **asked: object) -> "Demand":
        """Checked.

        Raises:
            DemandError: Something is out of bounds.
        """
        try:
            return cls.model_validate(asked)
        except ValidationError as error:
            raise DemandError(problems_of(error, cls)) from error


@dataclass(frozen=True, slots=True)
class Rates:
    """Work per second at the busiest time."""

    items: float
    """Items."""
    text_parts: float
    """Texts that callers send."""
    images: float
    """Images."""
    clips: float
    """Audio parts."""
    audio_s: float
    """Seconds of audio."""
    scored: float
    """Texts that detectors see: parts that the cache does not answer, words of images, pieces of transcripts."""


def rates_of(demand: Demand) -> Rates:
    """The rates that a demand comes down to."""
    items, mix = demand.items_per_second, demand.mix
    surfaces = mix.surfaces.values()
    texts = items * sum(each.share * each.texts for each in surfaces)
    images = items * sum(each.share * each.images for each in surfaces)
    clips = items * sum(each.share * each.audio for each in surfaces)
    audio_s = clips * mix.audio_seconds
    heard = audio_s * mix.words_per_audio_second * _CHARACTERS_PER_WORD / CHUNK_CHARACTERS
    scored = texts * (1 - mix.repeated_texts) + images * mix.read_images + heard
    return Rates(items, texts, images, clips, audio_s, scored)
