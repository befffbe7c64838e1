"""The stages in this process: which adapter stands behind each port of what a router asks.

Part of the composition root. Imports what takes seconds only where it is used.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from tidegate.detectors.image_port import ImageDetectors
from tidegate.detectors.images.limits import ImageLimits
from tidegate.detectors.null_adapter import NoSpeechDetectors, NullImageDetectors
from tidegate.detectors.port import TextDetectors
from tidegate.detectors.speech_port import SpeechDetectors
from tidegate.enrichment.port import AccountFeatures
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.sqlite_rewriter import SqliteEventRewriter
from tidegate.features.events.validation import EventLimits
from tidegate.features.feast_import import import_feast
from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.features.retention.sqlite_remover import SqliteEventRemover
from tidegate.features.stream.turn import Turn
from tidegate.models.catalogue import Engine, Modality
from tidegate.serving.bank_store import bank_matcher
from tidegate.serving.chosen import policies, selection
from tidegate.serving.ledger_store import ledger_place
from tidegate.serving.settings import Settings, SignalsKept
from tidegate.serving.signals.local_signals import LocalSignals
from tidegate.serving.signals.retention_loop import RetentionLoop
from tidegate.serving.signals.rewriting_loop import RewritingLoop
from tidegate.serving.signals.risk_adapter import account_risk
from tidegate.telemetry.measures import EventMetrics
from tidegate.telemetry.recorder import Recorder

TEXT_LANGUAGE = "text_language"
"""The detector that tells languages; its engine is the gate in front of the others."""

RISK_MODEL = "account_risk"
"""The model that scores accounts; signals are computed without it where it is not in the catalogue."""


def account_features(settings: Settings, tracer: Recorder) -> AccountFeatures:
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
        beside=(partial(_retention, settings), partial(_rewriting, settings)),
    )
    signals.start()
    return signals


def _retention(settings: Settings, turn: Callable[[], bool], metrics: EventMetrics) -> RetentionLoop:
    remover = SqliteEventRemover(
        settings.events_path,
        timeout_s=settings.signals.timeout_ms / 1000.0,
        clock=lambda: datetime.now(tz=UTC),
    )
    keep_days = settings.signals.keep_events_days
    return RetentionLoop(settings.events_path, remover, keep_days=keep_days, turn=turn, metrics=metrics)


def _rewriting(settings: Settings, turn: Callable[[], bool], _metrics: EventMetrics) -> RewritingLoop:
    timeout_s = settings.signals.timeout_ms / 1000.0
    return RewritingLoop(SqliteEventRewriter(settings.events_path, timeout_s=timeout_s), turn=turn)


def text_detectors(settings: Settings, tracer: Recorder) -> TextDetectors:
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


def image_detectors(settings: Settings, tracer: Recorder) -> ImageDetectors:
    """The image detectors, on Triton and in this process. The null adapter, which knows none, answers FAILED."""
    specs = selection(settings).of(modality=Modality.IMAGE)
    if not specs:
        return NullImageDetectors()
    from tidegate.detectors.images.adapter import TritonImageDetectors  # noqa: PLC0415 - only where it is used

    return TritonImageDetectors(
        settings.triton.address,
        specs=specs,
        tracer=tracer,
        limits=image_limits(settings),
        matcher=bank_matcher(settings),
    )


def image_limits(settings: Settings) -> ImageLimits:
    """What is looked at."""
    return ImageLimits(max_pixels=settings.limits.max_image_pixels)


def speech_detectors(settings: Settings, tracer: Recorder) -> SpeechDetectors:
    """The speech recogniser, in this process. Where none is in use, whatever is asked is FAILED."""
    specs = selection(settings).of(modality=Modality.AUDIO)
    if not specs:
        return NoSpeechDetectors()
    from tidegate.detectors.speech.limits import AudioLimits  # noqa: PLC0415 - only where it is used
    from tidegate.detectors.speech.whisper_adapter import WhisperSpeech  # noqa: PLC0415 - as above

    limits = settings.limits
    audio = AudioLimits(max_bytes=limits.max_audio_bytes, max_duration_s=limits.max_audio_seconds)
    return WhisperSpeech(specs[0], tracer=tracer, audio=audio)
