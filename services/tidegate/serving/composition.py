"""The composition root: the only place where adapters are chosen and wired to ports."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Tracer

from tidegate.detectors.banks.matcher import BankMatcher
from tidegate.detectors.banks.port import HashBanks
from tidegate.detectors.banks.sqlite_adapter import SqliteBanks
from tidegate.detectors.image_port import ImageDetectors
from tidegate.detectors.images.limits import ImageLimits
from tidegate.detectors.null_adapter import NoSpeechDetectors, NullImageDetectors
from tidegate.detectors.port import TextDetectors
from tidegate.detectors.speech_port import SpeechDetectors
from tidegate.enrichment.port import AccountFeatures
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.validation import EventLimits
from tidegate.features.feast_import import import_feast
from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.features.stream.turn import Turn
from tidegate.ledger.port import DecisionLedger
from tidegate.models.catalogue import CatalogueError, Engine, Modality
from tidegate.models.selection import Selection, select
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
from tidegate.policy.loader import PolicySet, compile_document, load_policies
from tidegate.policy.markets import MARKETS
from tidegate.policy.problems import PolicyError, Problem
from tidegate.policy.vocabulary import installed_vocabulary
from tidegate.serving.admission import Admission
from tidegate.serving.bank_servicer import BankServicer
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.health import Readiness
from tidegate.serving.ledger_store import decision_ledger, ledger_place
from tidegate.serving.remote import (
    RemoteAccountFeatures,
    RemoteImageDetectors,
    RemoteSpeechDetectors,
    RemoteTextDetectors,
)
from tidegate.serving.router import RouterParts
from tidegate.serving.router_pressure import RouterPressure
from tidegate.serving.servicer import ModerationServicer
from tidegate.serving.settings import Settings, SettingsError, SignalsKept
from tidegate.serving.signals.local_signals import LocalSignals
from tidegate.serving.signals.remote_intake import RemoteSignalIntake
from tidegate.serving.signals.risk_adapter import account_risk
from tidegate.serving.signals.signal_servicer import SignalServicer
from tidegate.serving.stage_ports import StagePorts
from tidegate.telemetry.measures import EventMetrics, ModerationMetrics, NullModerationMetrics
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.pressure import LedgerMetrics
from tidegate.telemetry.setup import configure_tracing, tracer_of

BANKS_WAIT_S = 0.25
"""How long an image waits for a locked store of banks before the answer is FAILED. Readers don't wait for writers."""

TEXT_LANGUAGE = "text_language"
"""The detector that tells languages; its engine is the gate in front of the others."""

RISK_MODEL = "account_risk"
"""The model that scores accounts; signals are computed without it where it is not in the catalogue."""

PACKAGED_POLICIES = Path(__file__).resolve().parent.parent / "policies"


def tracing(settings: Settings, *, service: ServiceName) -> TracerProvider:
    """This process's tracing."""
    return configure_tracing(
        service_name=service,
        endpoint=settings.telemetry.endpoint,
        root_ratio=settings.telemetry.root_sampling_ratio,
    )


def policies(settings: Settings, chosen: Selection | None = None) -> PolicySet:
    """The policies in use.

    Args:
        settings: All settings.
        chosen: Detectors in place of those that the settings select.

    Raises:
        SettingsError: A detector version that the settings ask for does not exist.
        PolicyError: With every problem found; also if some surface has no live policy in some market.
    """
    directory = settings.policies_dir or PACKAGED_POLICIES
    loaded = load_policies(directory, vocabulary=installed_vocabulary((chosen or selection(settings)).live))
    gaps = loaded.gaps()
    if gaps:
        raise PolicyError([Problem(str(directory), "surfaces", f"content would be undecided: {gap}") for gap in gaps])
    return loaded


def ledger(settings: Settings, metrics: LedgerMetrics | None = None) -> DecisionLedger:
    """The decision ledger.

    Args:
        settings: All settings.
        metrics: Told of transactions and of who waits; None tells nobody.
    """
    return decision_ledger(settings, metrics)


def hash_banks(settings: Settings) -> HashBanks:
    """The banks of known pictures: one store for all processes of this machine."""
    return SqliteBanks(settings.banks_path)


def account_features(settings: Settings, tracer: Tracer) -> AccountFeatures:
    """The Feast online store. Imports Feast, which takes seconds, only where it is used.

    Raises:
        PolicyError: See `policies`, whose signals it reads.
    """
    import_feast()
    from tidegate.enrichment.feast_adapter import FeastAccountFeatures  # noqa: PLC0415 - see the docstring
    from tidegate.enrichment.feast_reader import FeastReader  # noqa: PLC0415 - as above

    service = ACCOUNT_SIGNALS_V2
    if settings.features.kept is SignalsKept.POLICIES:
        service = service.reading(frozenset[str]().union(*(policy.features for policy in policies(settings))))
    return FeastAccountFeatures(FeastReader(settings.features_dir, service=service), tracer=tracer)


def account_signals(settings: Settings, metrics: EventMetrics | None = None) -> LocalSignals:
    """The event log, and what keeps signals up to date with it, in this process. Its threads run already.

    Args:
        settings: All settings.
        metrics: Counts events; None counts nothing.
    """
    import_feast()
    from tidegate.features.feast_writer import FeastOnlineWriter  # noqa: PLC0415 - Feast takes seconds to import

    chosen = settings.signals
    signals = LocalSignals(
        log=SqliteEventLog(settings.events_path, timeout_s=chosen.timeout_ms / 1000.0),
        writer=FeastOnlineWriter(settings.features_dir),
        risk=account_risk(selection(settings).live.get(RISK_MODEL)),
        limits=EventLimits(
            max_lateness=timedelta(days=chosen.max_lateness_days), max_ahead=timedelta(seconds=chosen.max_ahead_s)
        ),
        ledger=ledger_place(settings),
        turn=Turn(settings.events_path.with_name(f"{settings.events_path.name}-processor")),
        clock=lambda: datetime.now(tz=UTC),
        metrics=metrics,
    )
    signals.start()
    return signals


def selection(settings: Settings) -> Selection:
    """Which version of each detector decides, and which are tried out.

    Raises:
        SettingsError: The settings name one that does not exist, or one that can't be tried out.
    """
    try:
        chosen = select(live=settings.detectors.live, shadow=settings.detectors.shadow)
    except CatalogueError as error:
        raise SettingsError(f"detectors: {error}") from error
    for spec in chosen.shadow:
        if spec.modality is not Modality.TEXT:
            raise SettingsError(f"detectors.shadow.{spec.name}: only text detectors can be tried out in shadow")
    return chosen


def text_detectors(settings: Settings, tracer: Tracer) -> TextDetectors:
    """The text detectors on Triton, behind the gate of languages where `text_language` is in use."""
    from tidegate.detectors.triton_adapter import TritonTextDetectors  # noqa: PLC0415 - only where it is used

    chosen = selection(settings)
    detectors = TritonTextDetectors(
        settings.triton.address,
        specs=chosen.of(modality=Modality.TEXT, engine=Engine.TRITON),
        shadows=chosen.shadow,
        tracer=tracer,
    )
    language = chosen.live.get(TEXT_LANGUAGE)
    if language is None:
        return detectors
    from tidegate.detectors.language import FastTextLanguages  # noqa: PLC0415 - only where it is used
    from tidegate.detectors.language_gate import LanguageGate  # noqa: PLC0415 - as above

    return LanguageGate(
        detectors,
        live={spec.name: spec for spec in chosen.of(modality=Modality.TEXT)},
        shadows=chosen.shadow,
        language=language,
        languages=FastTextLanguages(language),
    )


def image_detectors(settings: Settings, tracer: Tracer) -> ImageDetectors:
    """The image detectors, on Triton and in this process. The null adapter, which knows none, answers FAILED."""
    specs = selection(settings).of(modality=Modality.IMAGE)
    if not specs:
        return NullImageDetectors()
    from tidegate.detectors.images.adapter import TritonImageDetectors  # noqa: PLC0415 - only where it is used

    return TritonImageDetectors(
        settings.triton.address,
        specs=specs,
        tracer=tracer,
        limits=_image_limits(settings),
        matcher=BankMatcher(SqliteBanks(settings.banks_path, timeout_s=BANKS_WAIT_S)),
    )


def _image_limits(settings: Settings) -> ImageLimits:
    return ImageLimits(max_pixels=settings.limits.max_image_pixels)


def speech_detectors(settings: Settings, tracer: Tracer) -> SpeechDetectors:
    """The speech recogniser, in this process. Where none is in use, whatever is asked is FAILED."""
    specs = selection(settings).of(modality=Modality.AUDIO)
    if not specs:
        return NoSpeechDetectors()
    from tidegate.detectors.speech.limits import AudioLimits  # noqa: PLC0415 - only where it is used
    from tidegate.detectors.speech.whisper_adapter import WhisperSpeech  # noqa: PLC0415 - as above

    limits = settings.limits
    audio = AudioLimits(max_bytes=limits.max_audio_bytes, max_duration_s=limits.max_audio_seconds)
    return WhisperSpeech(specs[0], tracer=tracer, audio=audio)


def stage_ports(
    settings: Settings,
    tracer: Tracer,
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


def versions_of(chosen: Selection) -> Callable[[str], str]:
    """The live version of a detector by name."""
    versions = {spec.name: spec.version for spec in chosen.live.values()}
    return lambda name: versions.get(name, "")


def router(
    settings: Settings,
    provider: TracerProvider,
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
        stream_in_flight=settings.grpc.stream_in_flight,
    )
    bank_servicer = BankServicer(banks=banks or hash_banks(settings), decoder=decoder, limits=_image_limits(settings))
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
        signals=SignalServicer(intake=stages.signals, decoder=decoder, tracer=tracer),
        readiness=readiness,
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
