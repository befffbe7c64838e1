"""How models are served on a kind of machine: backend, precision, batching and queue, each value explicit."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.models.catalogue import LatencyClass


class Precision(StrEnum):
    """Arithmetic of an exported graph."""

    FP32 = "fp32"
    INT8 = "int8"


class ProfileName(StrEnum):
    """The profiles there are."""

    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """What Triton does with requests that wait."""

    max_queue_delay_us: int
    """How long a request may wait for company. Zero on CPU: our router batches already, greedily."""
    timeout_us: int
    """How long a request may wait before it is rejected, unless it carries a shorter one of its own."""
    max_queue_size: int
    """Requests waiting; more are rejected at once."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of machine."""

    name: ProfileName
    """How it is asked for."""
    backend: str
    """Triton backend."""
    kind: str
    """Triton instance kind."""
    precision: Precision
    """Which graph is served."""
    instances: int
    """Instances of a model, per GPU where there are any."""
    intra_op_threads: int
    """Threads of one instance. One on CPU: two instances of one thread served more texts than one of two."""
    max_batch_size: int
    """Rows in one execution."""
    preferred_batch_sizes: tuple[int, ...]
    """Sizes at which a batch goes without waiting further; empty sets none."""
    queues: dict[LatencyClass, QueuePolicy]
    """By latency class."""


PROFILES: Final = {
    ProfileName.CPU: Profile(
        name=ProfileName.CPU,
        backend="python",
        kind="KIND_CPU",
        precision=Precision.INT8,
        instances=1,
        intra_op_threads=1,
        max_batch_size=64,
        preferred_batch_sizes=(),
        queues={LatencyClass.INTERACTIVE: QueuePolicy(0, 1_000_000, 256)},
    ),
    ProfileName.GPU: Profile(
        name=ProfileName.GPU,
        backend="onnxruntime",
        kind="KIND_GPU",
        precision=Precision.FP32,
        instances=2,
        intra_op_threads=1,
        max_batch_size=128,
        preferred_batch_sizes=(32, 64, 128),
        queues={LatencyClass.INTERACTIVE: QueuePolicy(1_000, 1_000_000, 2_048)},
    ),
}
