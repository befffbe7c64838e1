"""The composition root, with `local_stages`, `ledger_store`, `bank_store`: the only place where adapters meet ports."""

from typing import Any

from tidegate.detectors.banks.port import HashBanks
from tidegate.ledger.port import DecisionLedger
from tidegate.models.selection import Selection
from tidegate.pipeline.archive import PolicyArchive
from tidegate.pipeline.coverage import Coverage
from tidegate.pipeline.gather import Gatherer, GatherLimits
from tidegate.pipeline.moderate import ModerationPipeline
from tidegate.pipeline.recording import RecordMaker
from tidegate.pipeline.score_cache import CachedTextStage
from tidegate.pipeline.stages import (
    BatchedImageStage,
    BatchedSignalsStage,
    BatchedTextStage,
    BoundedSpeechStage,
    Stages,
    TextStage,
)
from tidegate.policy.loader import compile_document
from tidegate.policy.markets import MARKETS
from tidegate.serving.admission import Admission
from tidegate.serving.bank_servicer import BankServicer
from tidegate.serving.bank_store import hash_banks
from tidegate.serving.chosen import PACKAGED_POLICIES, policies, selection, versions_of
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.health import Readiness
from tidegate.serving.ledger_store import decision_ledger
from tidegate.serving.local_stages import (
    RISK_MODEL,
    account_features,
    account_signals,
    image_detectors,
    image_limits,
    speech_detectors,
    text_detectors,
)
from tidegate.serving.open_streams import OpenStreams
from tidegate.serving.remote import (
    RemoteAccountFeatures,
    RemoteImageDetectors,
    RemoteSpeechDetectors,
    RemoteTextDetectors,
)
from tidegate.serving.router import RouterParts
from tidegate.serving.router_pressure import RouterPressure
from tidegate.serving.servicer import ModerationServicer
from tidegate.serving.settings import Settings, SignalsKept
from tidegate.serving.signals.remote_intake import RemoteSignalIntake
from tidegate.serving.signals.signal_servicer import SignalServicer
from tidegate.serving.stage_ports import StagePorts
from tidegate.telemetry.measures import EventMetrics, ModerationMetrics, NullModerationMetrics
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.pressure import LedgerMetrics
from tidegate.telemetry.recorder import Recorder
from tidegate.telemetry.setup import Tracing, configure_tracing, tracer_of

__all__ = [
    "PACKAGED_POLICIES",
    "RISK_MODEL",
    "account_features",
    "account_signals",
    "hash_banks",
    "image_detectors",
    "ledger",
    "policies",
    "router",
    "selection",
    "speech_detectors",
    "stage_ports",
    "text_detectors",
    "tracing",
    "versions_of",
]


def tracing(settings: Settings, *, service: ServiceName) -> Tracing:
    """This process's tracing."""
    return configure_tracing(
        service_name=service,
        endpoint=settings.telemetry.endpoint,
        root_ratio=settings.telemetry.root_sampling_ratio,
    )


def ledger(settings: Settings, metrics: LedgerMetrics | None = None) -> DecisionLedger:
    """The decision ledger.

    Args:
        settings: All settings.
        metrics: Told of transactions and of who waits; None tells nobody.
    """
    return decision_ledger(settings, metrics)


def stage_ports(
    settings: Settings,
    tracer: Recorder,
    *,
    features: Any = None,
    text: Any = None,
    images: Any = None,
    speech: Any = None,
    signals: Any = None,
    events: EventMetrics | None = None,
) -> StagePorts:
    """The stages: behind a deployment's handle where there is one, else in this process, which then counts `events`."""
    chosen = selection(settings)
    versions = versions_of(chosen)
    listening = Coverage.of(chosen).speech
    return StagePorts(
        features=RemoteAccountFeatures(features) if features else account_features(settings, tracer),
        text=RemoteTextDetectors(text, versions=versions) if text else text_detectors(settings, tracer),
        images=RemoteImageDetectors(images, versions=versions) if images else image_detectors(settings, tracer),
        speech=RemoteSpeechDetectors(speech, reader=listening, version=versions(listening))
        if speech
        else speech_detectors(settings, tracer),
        signals=RemoteSignalIntake(signals) if signals else account_signals(settings, events),
    )


def router(
    settings: Settings,
    provider: Tracing,
    *,
    stages: StagePorts,
    records: DecisionLedger,
    chosen: Selection | None = None,
    banks: HashBanks | None = None,
    metrics: ModerationMetrics | None = None,
    pressure: RouterPressure | None = None,
) -> RouterParts:
    """A router over these stages, local or remote, and this ledger.

    Args:
        settings: All settings.
        provider: This process's tracing.
        stages: What it asks.
        records: Where decisions are kept.
        chosen: Detectors in place of those that the settings select, for tests.
        banks: The store of known pictures in place of the settings', for tests.
        metrics: Counts requests; None counts nothing.
        pressure: Told of places, queues and batches; None tells nobody.
    """
    pressure = pressure or RouterPressure()
    tracer = tracer_of(provider)
    chosen = chosen or selection(settings)
    active = policies(settings, chosen)
    coverage = Coverage.of(chosen)
    archive = PolicyArchive(records, active=active.documents(), compile_document=compile_document)
    pipeline = ModerationPipeline(
        policies=active,
        coverage=coverage,
        gatherer=_gatherer(settings, stages, chosen, coverage, pressure),
        ledger=records,
        archive=archive,
        records=RecordMaker(),
        tracer=tracer,
    )
    decoder = RequestDecoder(
        limits=settings.limits,
        budget=settings.budget,
        max_request_bytes=settings.grpc.max_request_bytes,
        markets=MARKETS,
    )
    streams = OpenStreams()
    servicer = ModerationServicer(
        pipeline=pipeline,
        ledger=records,
        archive=archive,
        decoder=decoder,
        tracer=tracer,
        metrics=metrics or NullModerationMetrics(),
        admission=Admission(
            under_way=settings.grpc.max_under_way, waiting=settings.grpc.max_waiting, metrics=pressure.admission
        ),
        streams=streams,
        stream_in_flight=settings.grpc.stream_in_flight,
    )
    bank_servicer = BankServicer(banks=banks or hash_banks(settings), decoder=decoder, limits=image_limits(settings))
    probes = {
        "text": stages.text.ready,
        "images": stages.images.ready,
        "speech": stages.speech.ready,
        "features": stages.features.ready,
        "signals": stages.signals.ready,
    }
    readiness = Readiness(stages=probes, ledger=records.ready)
    return RouterParts(
        servicer=servicer,
        banks=bank_servicer,
        signals=SignalServicer(intake=stages.signals, decoder=decoder, tracer=tracer, streams=streams),
        readiness=readiness,
        streams=streams,
        ledger=records,
        stages=stages,
        tracing=provider,
    )


def _gatherer(
    settings: Settings, ports: StagePorts, chosen: Selection, coverage: Coverage, pressure: RouterPressure
) -> Gatherer:
    batching, budget, of = settings.batching, settings.budget, pressure.stage
    texts = {"max_batch": batching.text_max_batch, "in_flight": batching.text_in_flight}
    text: TextStage = BatchedTextStage(ports.text, **texts, metrics=of("text"))
    if batching.text_cache_entries:
        text = CachedTextStage(text, entries=batching.text_cache_entries)
    stages = Stages(
        text=text,
        shadow_text=BatchedTextStage(ports.text, **texts, metrics=of("shadow_text")),
        images=BatchedImageStage(
            ports.images,
            max_batch=batching.images_max_batch,
            in_flight=batching.images_in_flight,
            metrics=of("images"),
        ),
        speech=BoundedSpeechStage(ports.speech, in_flight=batching.speech_in_flight, metrics=of("speech")),
        signals=BatchedSignalsStage(
            ports.features,
            max_batch=batching.features_max_batch,
            in_flight=batching.features_in_flight,
            metrics=of("features"),
        ),
    )
    limits = GatherLimits(
        features_share=budget.features_share,
        reading_share=budget.reading_share,
        settling_share=budget.settling_share,
        reserve_ms=budget.reserve_ms,
        shadow_grace_ms=budget.shadow_grace_ms,
    )
    return Gatherer(
        stages,
        versions=versions_of(chosen),
        shadows=coverage.shadows,
        limits=limits,
        every_signal=settings.features.kept is SignalsKept.ALL,
    )
