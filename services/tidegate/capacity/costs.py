"""What things cost: measured figures by name, each with the command that made it. The data is `costs.yaml`."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.capacity.problems import problems_of


class CostsError(ValueError):
    """The measured costs can't be used. The message names every wrong or missing figure."""


class Topology(StrEnum):
    """Which of the two layouts is sized; as `serving.settings` names them."""

    DISTRIBUTED = "distributed"
    COLOCATED = "colocated"


class Calls(StrEnum):
    """How items come in: one call each, or over long streams, which cost the router less."""

    UNARY = "unary"
    STREAM = "stream"


class Hop(StrEnum):
    """A process that spends CPU time on every item."""

    HAPROXY = "haproxy"
    ROUTER = "router"
    FEATURES = "features"
    SIGNALS = "signals"


TEXT_DETECTORS = ("text_harm", "text_spam")
"""Those that Triton runs on every text."""


class Figure(BaseModel):
    """One measured number and where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    value: float = Field(ge=0)
    """How much, in `unit`."""
    unit: str = Field(min_length=1)
    """Of the value."""
    what: str = Field(min_length=1)
    """What was measured, and how it was taken from the samples."""
    command: str = Field(min_length=1)
    """The command that made it."""
    source: str = Field(min_length=1)
    """File that holds it, of `build/bench` or of the repository."""
    measured_on: date
    """The day of the run."""

    def cited(self) -> str:
        """Command, file and day, on one line."""
        return f"`{self.command}`, {self.source}, {self.measured_on.isoformat()}"


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    machine: str = Field(min_length=1)
    figures: dict[str, Figure]


def stage_key(topology: Topology, calls: Calls, hop: Hop) -> str:
    """Name of the CPU time that a hop spends on an item."""
    return f"{topology}.{calls}.{hop}_ms"


def text_key(topology: Topology, calls: Calls, detector: str) -> str:
    """Name of the CPU time that TextDetectors spends on a text for one detector, where it is a stage."""
    return f"{topology}.{calls}.text_stage.{detector}_ms"


def triton_key(topology: Topology, calls: Calls, detector: str) -> str:
    """Name of the CPU time that Triton spends on a text for one detector."""
    return f"{topology}.{calls}.triton.{detector}_ms"


def _of_stages() -> list[str]:
    names = []
    for topology in Topology:
        hops = Hop if topology is Topology.DISTRIBUTED else (Hop.HAPROXY, Hop.ROUTER)
        for calls in Calls:
            names += [stage_key(topology, calls, hop) for hop in hops]
            names += [triton_key(topology, calls, detector) for detector in TEXT_DETECTORS]
            if topology is Topology.DISTRIBUTED:
                names += [text_key(topology, calls, detector) for detector in TEXT_DETECTORS]
    return names


REQUIRED = (
    *_of_stages(),
    "node.ray_cores",
    "image.decode_ms",
    "image.tensor_ms",
    "image.hash_ms",
    "image.search_ms_per_million",
    "image.read_ms",
    "triton.image_unsafe_ms",
    "speech.cpu_s_per_audio_s",
    "redis.bytes_per_account",
    "redis.slot_bytes_per_account",
    "redis.lookup_us",
    "redis.write_us",
    "redis.accounts_written_per_s",
    "ledger.bytes_per_decision",
    "ledger.appends_per_s",
    "ledger.export_bytes_per_decision",
    "event_log.bytes_per_event",
    "event_log.events_per_s",
    "network.request_bytes",
    "network.reply_bytes",
    "network.text_bytes",
    "network.lookup_bytes",
    "network.signals_bytes",
    "network.redis_in_bytes",
    "network.redis_out_bytes",
    *(f"network.tensors.{detector}_bytes" for detector in (*TEXT_DETECTORS, "image_unsafe")),
)
"""Every figure that the model reads."""


class Costs:
    """All figures, complete."""

    def __init__(self, machine: str, figures: Mapping[str, Figure]) -> None:
        """Checks that nothing is missing.

        Args:
            machine: What they were measured on, for readers.
            figures: By name.

        Raises:
            CostsError: Figures are missing, or not known.
        """
        missing, unknown = sorted(set(REQUIRED) - figures.keys()), sorted(figures.keys() - set(REQUIRED))
        if missing or unknown:
            told = [f"figures.{name}: is missing" for name in missing]
            told += [f"figures.{name}: is not known; known are {', '.join(sorted(REQUIRED))}" for name in unknown]
            raise CostsError("; ".join(told))
        self.machine = machine
        self.figures = dict(figures)

    def __getitem__(self, name: str) -> Figure:
        """The figure of this name; every one of `REQUIRED` is there."""
        return self.figures[name]

    @classmethod
    def of(cls, document: Any) -> "Costs":
        """From parsed YAML.

        Raises:
            CostsError: Something in it is wrong or missing.
        """
        try:
            read = _Document.model_validate(document)
        except ValidationError as error:
            raise CostsError(problems_of(error, _Document)) from error
        return cls(read.machine, read.figures)

    def as_document(self) -> dict[str, Any]:
        """As YAML holds it; the inverse of `of`."""
        figures = {name: self.figures[name].model_dump(mode="json") for name in REQUIRED}
        return {"machine": self.machine, "figures": figures}
