"""`tidegate check-config`: settings and policies, without starting anything."""

import json

import click
import yaml

from tidegate.cli.output import warn
from tidegate.policy.problems import PolicyError
from tidegate.serving.bank_store import bank_place, unverified_banks
from tidegate.serving.ledger_store import ledger_place, unverified_ledger
from tidegate.serving.settings import Settings, SettingsError


@click.command("check-config")
@click.option("--json", "as_json", is_flag=True, help="Prints the settings in force as JSON.")
@click.pass_obj
def check_config(settings: Settings, as_json: bool) -> None:
    """Checks settings and policies; starts nothing. Prints the settings in force.

    Warns, on standard error, of databases whose connections are not verified.
    """
    refuse_bad_policies(settings)
    for missing in filter(None, (unverified_ledger(settings), unverified_banks(settings))):
        warn(missing)
    payload = settings.payload()
    click.echo(json.dumps(payload) if as_json else yaml.safe_dump(payload, sort_keys=False).rstrip())


def refuse_bad_policies(settings: Settings) -> None:
    """Ends the command with every problem of the policies, and with detectors or databases that are not named."""
    # Imported here: it wires every stage, which takes seconds that `tidegate down` and `up --help` must not.
    from tidegate.serving import composition  # noqa: PLC0415 - see above

    try:
        composition.policies(settings)
        ledger_place(settings)
        bank_place(settings)
    except (PolicyError, SettingsError) as error:
        raise click.ClickException(str(error)) from error
