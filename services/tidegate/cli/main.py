"""`tidegate`: the command. Each group of commands is a module here, imported only when it is called."""

from pathlib import Path

import click

from tidegate.cli.lazy_group import LazyGroup
from tidegate.serving.ledger_store import ConfiguredLedger
from tidegate.serving.settings import OnlineStore, SettingsError, load_settings

COMMANDS = {
    "demo": ("tidegate.cli.demo", "demo", "Starts the stack, moderates a dozen items and explains them."),
    "up": ("tidegate.cli.up", "up", "Starts the whole stack on this machine."),
    "down": ("tidegate.cli.up", "down", "Stops the stack; requests under way finish first."),
    "status": ("tidegate.cli.status", "status", "Shows each part of the stack, its state and its address."),
    "moderate": ("tidegate.cli.moderate", "moderate", "Decides on one item, or on every item of a file."),
    "stream": ("tidegate.cli.stream", "stream", "Decides on items from standard input, as JSON Lines."),
    "decision": ("tidegate.cli.decision", "decision", "Shows a recorded decision."),
    "trace": ("tidegate.cli.trace", "trace", "Draws where the time of a request went."),
    "metrics": ("tidegate.cli.metrics", "metrics", "Shows what the processes have counted."),
    "policy": ("tidegate.cli.policy", "policy", "Checks, tests and shows policies."),
    "models": ("tidegate.cli.models", "models", "Lists and measures detectors; shows cards and drift."),
    "banks": ("tidegate.cli.banks", "banks", "Keeps banks of known pictures."),
    "features": ("tidegate.cli.features", "features", "Shows account signals; fills the online store."),
    "events": ("tidegate.cli.events", "events", "Records what happens to accounts, from a file."),
    "account": ("tidegate.cli.account", "account", "Exports or erases everything held on an account."),
    "ledger": ("tidegate.cli.ledger", "ledger", "Verifies, exports and measures the ledger; removes old days."),
    "replay": ("tidegate.cli.replay", "replay", "Decides recorded decisions again and reports any difference."),
    "capacity": (
        "tidegate.cli.capacity",
        "capacity",
        "Says what so many items a second need, and why; simulates scaling.",
    ),
    "check-config": ("tidegate.cli.check_config", "check_config", "Checks settings and policies; starts nothing."),
    "serve-config": ("tidegate.cli.serve_config", "serve_config", "Prints the configuration for `serve deploy`."),
}
"""Module, attribute and one line of help by command."""


@click.group(cls=LazyGroup, later=COMMANDS)
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Settings file (YAML).")
@click.option(
    "--state-dir", type=click.Path(path_type=Path, file_okay=False), help="Overrides the settings' state_dir."
)
@click.version_option(package_name="tidegate")
@click.pass_context
def main(ctx: click.Context, config: Path | None, state_dir: Path | None) -> None:
    """Tidegate decides, for every piece of user content, what policy says about it and why."""
    try:
        settings = load_settings(config)
    except SettingsError as error:
        raise click.ClickException(f"settings: {error}") from error
    if state_dir is not None:
        settings = settings.model_copy(update={"state_dir": state_dir})
    ctx.obj = settings
    redis = settings.features.online_store is OnlineStore.REDIS
    online = {
        "online": settings.features.online_store.value,
        "redis": settings.features.redis_address if redis else None,
    }
    features_dir = {"state": settings.features_dir}
    ledger = ConfiguredLedger(settings)
    recorded = {"place": ledger, "events_path": settings.events_path}
    ctx.default_map = {
        "trace": {"store": settings.traces_path},
        "ledger": {name: {"place": ledger} for name in ("verify", "stats", "migrate", "export", "retention")},
        "replay": {"place": ledger},
        "models": {"drift": {"place": ledger}},
        "features": {
            "show": features_dir,
            "materialize": {**features_dir, "signals": settings.events_path},
            "compute": {**features_dir, "signals": settings.events_path},
            "apply": {**features_dir, **online},
            "seed": {**features_dir, **online, "signals": settings.events_path},
            "training-set": recorded,
            "skew": recorded,
            "quality": {**recorded, **features_dir},
            "reference": {"out": settings.reference_path},
            "drift": {"place": ledger, "reference_path": settings.reference_path},
        },
        "policy": {name: {"directory": settings.policies_dir} for name in ("check", "test", "show")}
        if settings.policies_dir
        else {},
    }
