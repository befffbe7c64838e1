"""The bodies of the Serve deployments. Plain classes: `app` makes deployments of them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from tidegate.detectors.image_port import ImageFindings, ImageRequest
from tidegate.detectors.port import TextRequest
from tidegate.detectors.speech_port import SpeechFindings, SpeechRequest
from tidegate.enrichment.port import SignalsRequest
from tidegate.moderation.detection import DetectorScores
from tidegate.moderation.signals import AccountSignals
from tidegate.serving import composition
from tidegate.serving.collecting import collect_rarely
from tidegate.serving.measuring import measuring, moderation_metrics, router_pressure
from tidegate.serving.nearby.replica import closed, door_of, nearest
from tidegate.serving.priority import give_way
from tidegate.serving.replica_logs import log_as_replica
from tidegate.serving.router import RouterMethods
from tidegate.serving.scaling import ONGOING
from tidegate.serving.settings import Settings
from tidegate.serving.wire import answer_here
from tidegate.telemetry.metrics import meter_of
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.otel_measures import OtelEventMetrics
from tidegate.telemetry.otel_pressure import OtelLedgerMetrics, ongoing_calls, watch_ongoing
from tidegate.telemetry.setup import tracer_of


class FeatureLookup:
    """Account signals, as a deployment of its own."""

    def __init__(self, settings: dict[str, Any]) -> None:
        log_as_replica()
        collect_rarely()
        give_way()
        self._settings = Settings.from_payload(settings)
        self._tracing = composition.tracing(self._settings, service=ServiceName.FEATURES)
        self._measuring = measuring(self._settings, service=ServiceName.FEATURES)
        self._ongoing = ongoing_calls(meter_of(self._measuring))
        self._features = composition.account_features(self._settings, tracer_of(self._tracing))
        self._door = door_of("FeatureLookup", wanted=self._settings.nearby_calls, lookup=self.lookup)

    async def lookup(self, batch: Sequence[SignalsRequest]) -> Sequence[AccountSignals]:
        """See `AccountFeatures.lookup`."""
        with self._ongoing:
            return await self._features.lookup(batch)

    async def ready(self) -> bool:
        """See `AccountFeatures.ready`."""
        return await self._features.ready()

    async def __del__(self) -> None:  # Serve awaits it when it stops a replica
        """Releases connections and flushes spans."""
        await closed(self._door)
        await self._features.close()
        self._tracing.shutdown()
        self._measuring.shutdown()


class TextDetectors:
    """Tokenizing, batching, calibration in front of Triton, as a deployment of its own."""

    def __init__(self, settings: dict[str, Any]) -> None:
        log_as_replica()
        collect_rarely()
        give_way()
        self._settings = Settings.from_payload(settings)
        self._tracing = composition.tracing(self._settings, service=ServiceName.TEXT)
        self._measuring = measuring(self._settings, service=ServiceName.TEXT)
        self._ongoing = ongoing_calls(meter_of(self._measuring))
        self._detectors = composition.text_detectors(self._settings, tracer_of(self._tracing))
        self._door = door_of("TextDetectors", wanted=self._settings.nearby_calls, score=self.score)

    async def score(self, batch: Sequence[TextRequest]) -> Sequence[tuple[DetectorScores, ...]]:
        """See `TextDetectors.score`."""
        with self._ongoing:
            return await self._detectors.score(batch)

    async def ready(self) -> bool:
        """See `TextDetectors.ready`."""
        return await self._detectors.ready()

    async def __del__(self) -> None:  # Serve awaits it when it stops a replica
        """Releases connections and flushes spans."""
        await closed(self._door)
        await self._detectors.close()
        self._tracing.shutdown()
        self._measuring.shutdown()


class ImageDetectors:
    """Decoding, preprocessing and looking at images, as a deployment of its own."""

    def __init__(self, settings: dict[str, Any]) -> None:
        log_as_replica()
        collect_rarely()
        give_way()
        self._settings = Settings.from_payload(settings)
        self._tracing = composition.tracing(self._settings, service=ServiceName.IMAGES)
        self._measuring = measuring(self._settings, service=ServiceName.IMAGES)
        self._ongoing = ongoing_calls(meter_of(self._measuring))
        self._detectors = composition.image_detectors(self._settings, tracer_of(self._tracing))
        self._door = door_of("ImageDetectors", wanted=self._settings.nearby_calls, inspect=self.inspect)

    async def inspect(self, batch: Sequence[ImageRequest]) -> Sequence[ImageFindings]:
        """See `ImageDetectors.inspect`."""
        with self._ongoing:
            return await self._detectors.inspect(batch)

    async def ready(self) -> bool:
        """See `ImageDetectors.ready`."""
        return await self._detectors.ready()

    async def __del__(self) -> None:  # Serve awaits it when it stops a replica
        """Releases connections and flushes spans."""
        await closed(self._door)
        await self._detectors.close()
        self._tracing.shutdown()
        self._measuring.shutdown()


class SpeechDetectors:
    """Transcribing audio, as a deployment of its own."""

    def __init__(self, settings: dict[str, Any]) -> None:
        log_as_replica()
        collect_rarely()
        give_way()
        self._settings = Settings.from_payload(settings)
        self._tracing = composition.tracing(self._settings, service=ServiceName.SPEECH)
        self._measuring = measuring(self._settings, service=ServiceName.SPEECH)
        self._ongoing = ongoing_calls(meter_of(self._measuring))
        self._detectors = composition.speech_detectors(self._settings, tracer_of(self._tracing))
        self._door = door_of("SpeechDetectors", wanted=self._settings.nearby_calls, transcribe=self.transcribe)

    async def transcribe(self, batch: Sequence[SpeechRequest]) -> Sequence[SpeechFindings]:
        """See `SpeechDetectors.transcribe`."""
        with self._ongoing:
            return await self._detectors.transcribe(batch)

    async def ready(self) -> bool:
        """See `SpeechDetectors.ready`."""
        return await self._detectors.ready()

    async def __del__(self) -> None:  # Serve awaits it when it stops a replica
        """Stops background work and flushes spans."""
        await closed(self._door)
        await self._detectors.close()
        self._tracing.shutdown()
        self._measuring.shutdown()


class ModerationRouter(RouterMethods):
    """The ingress: gRPC methods by name, over stages that are local (colocated) or behind handles (distributed)."""

    def __init__(
        self,
        settings: dict[str, Any],
        *,
        features: Any = None,
        text: Any = None,
        images: Any = None,
        speech: Any = None,
        signals: Any = None,
    ) -> None:
        log_as_replica()
        collect_rarely()
        chosen = Settings.from_payload(settings)
        tracing = composition.tracing(chosen, service=ServiceName.ROUTER)
        self._measuring = measuring(chosen, service=ServiceName.ROUTER)
        near = partial(nearest, wanted=chosen.nearby_calls)
        stages = composition.stage_ports(
            chosen,
            tracer_of(tracing),
            features=near(features),
            text=near(text),
            images=near(images),
            speech=near(speech),
            signals=signals,
            events=OtelEventMetrics(meter_of(self._measuring)),
        )
        parts = composition.router(
            chosen,
            tracing,
            stages=stages,
            records=composition.ledger(chosen, OtelLedgerMetrics(meter_of(self._measuring))),
            metrics=moderation_metrics(chosen, self._measuring),
            pressure=router_pressure(self._measuring),
        )
        super().__init__(parts)
        watch_ongoing(meter_of(self._measuring), lambda: self.ongoing)
        answer_here(self)

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What Serve hands to `scaling.by_ongoing_requests`."""
        return {ONGOING: self.ongoing}

    async def __del__(self) -> None:  # Serve awaits it when it stops a replica
        """Writes out what was accepted, releases connections, sends the last spans and counts."""
        try:
            await self.close()
        finally:
            self._measuring.shutdown()
