"""The declarative form of the application: for `serve deploy` and for a RayService's `serveConfigV2`."""

from typing import Any

from tidegate.serving.settings import Settings

APPLICATION = "tidegate"
"""The application's name in Serve."""

BUILDER = "tidegate.serving.app:build"
"""What Serve imports to make the application."""

SERVICER_FUNCTIONS = (
    "tidegate.serving.wire.add_moderation_service",
    "tidegate.serving.wire.add_hash_bank_service",
    "tidegate.serving.wire.add_signal_service",
    "tidegate.serving.wire.add_health_service",
)
"""For Serve's `grpc_options.grpc_servicer_functions`."""


def serve_config(settings: Settings) -> dict[str, Any]:
    """As Serve's schema `ServeDeploySchema` wants it. Nodes need the environment of `ray_environment.STABLE`."""
    return {
        "proxy_location": "EveryNode",
        "grpc_options": {
            "port": settings.grpc.port,
            "grpc_servicer_functions": list(SERVICER_FUNCTIONS),
            "enable_reflection": settings.grpc.reflection,
        },
        "applications": [
            {
                "name": APPLICATION,
                "route_prefix": "/",
                "import_path": BUILDER,
                "args": {"settings": settings.payload()},
            }
        ],
    }
