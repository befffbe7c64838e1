"""A process's metrics by its settings: the composition root's part for what is counted."""

from opentelemetry.sdk.metrics import MeterProvider

from tidegate.serving.settings import Settings
from tidegate.telemetry.measures import ModerationMetrics
from tidegate.telemetry.metrics import configure_metrics, meter_of
from tidegate.telemetry.names import ServiceName
from tidegate.telemetry.otel_measures import OtelModerationMetrics


def measuring(settings: Settings, *, service: ServiceName) -> MeterProvider:
    """This process's metrics; they go where its spans go. Whoever made it shuts it down."""
    return configure_metrics(service_name=service, endpoint=settings.telemetry.endpoint)


def moderation_metrics(provider: MeterProvider) -> ModerationMetrics:
    """What counts requests."""
    return OtelModerationMetrics(meter_of(provider))
