"""A real gRPC server in this process: the real ingress, pipeline and policies over scripted stages."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import grpc

from tidegate.api.moderation.v1.moderation_service_pb2_grpc import ModerationServiceStub
from tidegate.detectors.image_port import ImageFindings, ImageRequest
from tidegate.detectors.port import TextRequest
from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
from tidegate.enrichment.port import SignalsRequest
from tidegate.features.stream.intake import SignalIntake
from tidegate.features.stream.null_intake import NoSignalIntake
from tidegate.ledger.memory_adapter import MemoryLedger
from tidegate.ledger.port import DecisionLedger
from tidegate.models.catalogue import Modality, catalogue
from tidegate.models.selection import Selection
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.detection import DetectorScores, DetectorStatus
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus
from tidegate.serving import composition
from tidegate.serving.open_streams import stops_after_streams
from tidegate.serving.router import RouterMethods, RouterParts
from tidegate.serving.settings import Settings, load_settings
from tidegate.serving.stage_ports import StagePorts
from tidegate.serving.wire import add_hash_bank_service, add_health_service, add_moderation_service, add_signal_service
from tidegate.telemetry.measures import ModerationMetrics
from tidegate.telemetry.setup import Tracing, configure_tracing

if TYPE_CHECKING:  # known to the type stubs only
    from tidegate.api.moderation.v1.moderation_service_pb2_grpc import ModerationServiceAsyncStub

BANKS = ("known_violations",)
"""The banks that shipped policies name."""
LABELS = ("hate", "harassment", "threat", "sexual", "self_harm", "profanity")


def harmless(_: str) -> DetectorScores:
    """A text without any harm."""
    return scored()


def scored(**severities: int) -> DetectorScores:
    """Severities by label, zero where not given, with probabilities to match."""
    bands = {label: severities.get(label, 0) for label in LABELS}
    return DetectorScores(
        detector="text_harm",
        version="1",
        status=DetectorStatus.OK,
        scores={label: band / 7 for label, band in bands.items()},
        severities=bands,
    )


@dataclass
class ScriptedText:
    """Text detectors: `text_harm` answers what the script says, the others find nothing."""

    script: Callable[[str], DetectorScores] = harmless
    delay_s: float = 0.0
    reachable: bool = True
    batches: list[int] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def score(self, batch: Sequence[TextRequest]) -> Sequence[tuple[DetectorScores, ...]]:
        self.batches.append(len(batch))
        self.under_way += len(batch)
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.delay_s)
            return [tuple(self._answer(name, request.text) for name in request.detectors) for request in batch]
        finally:
            self.under_way -= len(batch)

    def _answer(self, name: str, text: str) -> DetectorScores:
        return self.script(text) if name == "text_harm" else nothing_found(name)

    async def ready(self) -> bool:
        return self.reachable

    async def close(self) -> None:
        return


def nothing_found(name: str) -> DetectorScores:
    """Zero for every label of a live detector."""
    spec = catalogue()[name]
    zeros = dict.fromkeys((*spec.labels, *(BANKS if spec.open_labels else ())), 0)
    return DetectorScores(name, spec.version, DetectorStatus.OK, dict.fromkeys(zeros, 0.0), zeros)


def seen(request: ImageRequest) -> ImageFindings:
    """An image in which nothing is found, words included."""
    return ImageFindings(tuple(nothing_found(name) for name in request.detectors), words="")


def without(modality: Modality) -> Selection:
    """The catalogue's own choice, less the detectors of one modality."""
    return Selection({name: spec for name, spec in catalogue().items() if spec.modality is not modality}, ())


@dataclass
class ScriptedImages:
    """Image detectors that answer what the script says."""

    script: Callable[[ImageRequest], ImageFindings] = seen
    delay_s: float = 0.0
    reachable: bool = True
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def inspect(self, batch: Sequence[ImageRequest]) -> Sequence[ImageFindings]:
        self.asked += [request.detectors for request in batch]
        await asyncio.sleep(self.delay_s)
        return [self.script(request) for request in batch]

    async def ready(self) -> bool:
        return self.reachable

    async def close(self) -> None:
        return


SILENCE = SpeechFindings(DetectorScores("audio_speech", "1", DetectorStatus.NO_CONTENT))


@dataclass
class ScriptedSpeech:
    """A recogniser that hears what the script says."""

    answer: SpeechFindings = SILENCE
    delay_s: float = 0.0
    reachable: bool = True

    async def transcribe(self, batch: Sequence[SpeechRequest]) -> Sequence[SpeechFindings]:
        await asyncio.sleep(self.delay_s)
        return [self.answer] * len(batch)

    async def ready(self) -> bool:
        return self.reachable

    async def close(self) -> None:
        return


UNKNOWN_ACCOUNT = AccountSignals(status=LookupStatus.OK, known=False)


@dataclass
class ScriptedFeatures:
    """Account signals that answer what the script says."""

    answer: AccountSignals = UNKNOWN_ACCOUNT
    error: Exception | None = None
    delay_s: float = 0.0
    reachable: bool = True

    async def lookup(self, batch: Sequence[SignalsRequest]) -> Sequence[AccountSignals]:
        await asyncio.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        return [self.answer] * len(batch)

    async def ready(self) -> bool:
        return self.reachable

    async def close(self) -> None:
        return


def account(*, freshness: Freshness = Freshness.FRESH, **values: int | bool) -> AccountSignals:
    """A known account with these signals, by full name."""
    now = datetime.now(UTC)
    return AccountSignals(
        status=LookupStatus.OK,
        known=True,
        values=tuple(FeatureValue(name, value, freshness, now) for name, value in values.items()),
    )


class ListedLedger(MemoryLedger):
    """A ledger in memory that lists what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        kept = await super().append(record)
        self.ids.add(kept.decision_id)
        return kept


@dataclass
class Served:
    """A running server and what it was made of."""

    address: str
    server: grpc.aio.Server
    """Tells open streams before it stops, as Serve's does."""
    stub: "ModerationServiceAsyncStub"
    channel: grpc.aio.Channel
    text: ScriptedText
    features: ScriptedFeatures
    images: ScriptedImages
    speech: ScriptedSpeech
    ledger: DecisionLedger
    parts: RouterParts
    router: RouterMethods
    tls: Mapping[str, str]
    """Addresses with TLS, by the name that their credentials have."""


@asynccontextmanager
async def serving(
    *,
    text: ScriptedText | None = None,
    features: ScriptedFeatures | None = None,
    images: ScriptedImages | None = None,
    speech: ScriptedSpeech | None = None,
    chosen: Selection | None = None,
    signals: SignalIntake | None = None,
    ledger: DecisionLedger | None = None,
    settings: Settings | None = None,
    metrics: ModerationMetrics | None = None,
    tracing: Tracing | None = None,
    tls: Mapping[str, grpc.ServerCredentials] | None = None,
) -> AsyncIterator[Served]:
    """Serves on a free port until the block ends. Unless settings say otherwise, the stages are asked every time.

    For each of `tls` there is one more port.
    """
    text, features = text or ScriptedText(), features or ScriptedFeatures()
    images, speech = images or ScriptedImages(), speech or ScriptedSpeech()
    provider = tracing or configure_tracing(service_name="test", endpoint=None)
    parts = composition.router(
        settings or load_settings(batching={"text_cache_entries": 0}),
        provider,
        stages=StagePorts(
            features=features, text=text, images=images, speech=speech, signals=signals or NoSignalIntake()
        ),
        records=ledger or MemoryLedger(),
        chosen=chosen,
        metrics=metrics,
    )
    server = grpc.aio.server()
    methods = RouterMethods(parts)
    add_moderation_service(methods, server)
    add_signal_service(methods, server)
    add_hash_bank_service(methods, server)
    add_health_service(methods, server)
    stops_after_streams(server, methods.streams)
    port = server.add_insecure_port("127.0.0.1:0")
    secure = {name: f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', each)}" for name, each in (tls or {}).items()}
    await server.start()
    address = f"127.0.0.1:{port}"
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = ModerationServiceStub(channel)
            yield Served(
                address, server, stub, channel, text, features, images, speech, parts.ledger, parts, methods, secure
            )
    finally:
        await server.stop(0)
        await methods.close()
