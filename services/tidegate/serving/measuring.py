"""A process's metrics by its settings: the composition root's part for what is counted."""

import logging

from tidegate.data_quality.reference import ReferenceUnusableError, read_reference
from tidegate.serving.router_pressure import RouterPressure
from tidegate.serving.settings import Settings
from tidegate.telemetry.measures import ModerationMetrics, NoBins, ValueBins
from tidegate.telemetry.metrics import BoundedMeterProvider, configure_metrics, meter_of
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.otel_measures import OtelModerationMetrics
from tidegate.telemetry.otel_pressure import OtelAdmissionMetrics, OtelStages

_LOG = logging.getLogger(__name__)


def measuring(settings: Settings, *, service: ServiceName) -> BoundedMeterProvider:
    """This process's metrics; they go where its spans go. Whoever made it shuts it down."""
    return configure_metrics(service_name=service, endpoint=settings.telemetry.endpoint)


def moderation_metrics(settings: Settings, provider: BoundedMeterProvider) -> ModerationMetrics:
    """What counts requests, and account signals in the bins of the installed reference, if there is one."""
    return OtelModerationMetrics(meter_of(provider), bins=_installed(settings))


def router_pressure(provider: BoundedMeterProvider) -> RouterPressure:
    """What a router tells of its places, queues and batches."""
    made = meter_of(provider)
    return RouterPressure(admission=OtelAdmissionMetrics(made), stage=OtelStages(made).stage)


def _installed(settings: Settings) -> ValueBins:
    if not settings.reference_path.exists():
        return NoBins()
    try:
        return read_reference(settings.reference_path)
    except ReferenceUnusableError as error:
        # Decisions don't depend on it. `tidegate features drift` says the same to whoever looks.
        _LOG.warning("reference_unusable", extra={"error": str(error)})
        return NoBins()
