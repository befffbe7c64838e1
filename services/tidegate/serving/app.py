"""The Serve application: what `serve run`, `serve deploy` and a RayService config name as `tidegate.serving.app:build`.

Args of the application: `config`, the path of a settings file on every node, or `settings`, the settings themselves.
"""

from pathlib import Path
from typing import Any

from ray import serve
from ray.serve import Application

from tidegate.models.catalogue import Modality
from tidegate.serving import draining
from tidegate.serving.composition import selection
from tidegate.serving.deployments import FeatureLookup, ImageDetectors, ModerationRouter, SpeechDetectors, TextDetectors
from tidegate.serving.settings import Settings, Topology, load_settings
from tidegate.serving.signals.deployment import AccountSignals

STAGE_ONGOING = 256
"""Most calls by way of Serve in one replica. Its own default of 5 is far too low for fan-out to I/O. What clients ask
does not go by way of Serve (`wire`); `admission` bounds it."""


def build(args: dict[str, Any]) -> Application:
    """The application graph for these settings.

    Raises:
        SettingsError: The settings can't be used.
    """
    if "settings" in args:
        return application(Settings.from_payload(args["settings"]))
    return application(load_settings(Path(args["config"]) if args.get("config") else None))


def application(settings: Settings) -> Application:
    """Router alone (colocated), or router over stages of their own (distributed), for as many modalities as are live.

    Raises:
        SettingsError: A detector version that the settings ask for does not exist.
    """
    payload, replicas = settings.payload(), settings.replicas
    router = _deployment(ModerationRouter, replicas=replicas.router, stops_in_s=draining.router_s(settings))
    if settings.topology is Topology.COLOCATED:
        return router.bind(payload)
    chosen = selection(settings)

    def stage(body: type[Any], count: int) -> Application:
        return _deployment(body, replicas=count, stops_in_s=draining.stage_s(settings)).bind(payload)

    stages = {
        "features": stage(FeatureLookup, replicas.features),
        "text": stage(TextDetectors, replicas.text),
        "signals": stage(AccountSignals, 1),
    }
    if chosen.of(modality=Modality.IMAGE):
        stages["images"] = stage(ImageDetectors, replicas.images)
    if chosen.of(modality=Modality.AUDIO):
        stages["speech"] = stage(SpeechDetectors, replicas.speech)
    return router.bind(payload, **stages)


def _deployment(body: type[Any], *, replicas: int, stops_in_s: float) -> serve.Deployment:
    made: serve.Deployment = serve.deployment(  # type: ignore[assignment]  # called with a body it is no decorator
        body,
        name=body.__name__,
        num_replicas=replicas,
        max_ongoing_requests=STAGE_ONGOING,
        graceful_shutdown_timeout_s=stops_in_s,
        logging_config={"enable_access_log": False},  # on by default, a line per request and hop
    )
    return made
