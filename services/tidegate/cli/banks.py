"""`tidegate banks`: the banks of known pictures that `image_match` compares with, over HashBankService.

Only `migrate` goes to the store itself.
"""

from pathlib import Path

import click

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.cli.bank_entries import add_command, entries_command, import_command, remove_command
from tidegate.cli.bank_options import distance_type, json_option, readable_type, told_calls
from tidegate.cli.bank_view import KINDS, bank_as_json, draw_banks, draw_match, match_as_json
from tidegate.cli.output import print_json, warn
from tidegate.cli.server_options import Server, server_options
from tidegate.detectors.banks.bank import DEFAULT_THRESHOLD_BITS
from tidegate.serving.settings import Settings, SettingsError

_kind = click.option(
    "--kind",
    type=click.Choice(sorted(KINDS)),
    help="match: for policies to act on. allow: known to be allowed, takes back matches of all other banks.",
)
_description = click.option("--description", help="What it is for.")


@click.group(
    commands={
        "add": add_command,
        "remove": remove_command,
        "entries": entries_command,
        "import": import_command,
    }
)
def banks() -> None:
    """Banks of known pictures: each is a label of the detector `image_match`.

    BANK is a bank's id; known_violations is there from the start.
    """


@banks.command("list")
@server_options
@json_option
@click.pass_obj
def list_command(settings: Settings, server: Server, as_json: bool) -> None:
    """Shows all banks."""
    with told_calls(settings, server, as_json=as_json) as calls:
        found = calls.banks()
    if as_json:
        print_json({"banks": [bank_as_json(bank) for bank in found]})
    else:
        draw_banks(found)


@banks.command("create")
@click.argument("bank")
@_kind
@click.option("--max-distance", type=distance_type, default=DEFAULT_THRESHOLD_BITS, show_default=True, help="In bits.")
@click.option("--disabled", is_flag=True, help="It matches nothing until it is enabled.")
@_description
@server_options
@json_option
@click.pass_obj
def create_command(
    settings: Settings,
    bank: str,
    kind: str | None,
    max_distance: int,
    disabled: bool,
    description: str | None,
    server: Server,
    as_json: bool,
) -> None:
    """Makes the bank BANK: 1 to 64 of a-z, 0-9 and _."""
    request = pb.CreateBankRequest(
        bank_id=bank,
        kind=KINDS[kind or "match"],
        max_distance_bits=max_distance,
        enabled=not disabled,
        description=description or "",
    )
    with told_calls(settings, server, as_json=as_json) as calls:
        _show(calls.create(request), as_json=as_json)


@banks.command("set")
@click.argument("bank")
@_kind
@click.option("--max-distance", type=distance_type, help="In bits.")
@click.option("--enabled/--disabled", default=None, help="A disabled bank matches nothing.")
@_description
@server_options
@json_option
@click.pass_obj
def set_command(
    settings: Settings,
    bank: str,
    kind: str | None,
    max_distance: int | None,
    enabled: bool | None,
    description: str | None,
    server: Server,
    as_json: bool,
) -> None:
    """Changes the configuration of BANK. What is not named stays."""
    if kind is None and max_distance is None and enabled is None and description is None:
        raise click.UsageError("Name what to change: --kind, --max-distance, --enabled, --disabled or --description.")
    request = pb.UpdateBankRequest(
        bank_id=bank,
        kind=KINDS[kind] if kind else pb.BANK_KIND_UNSPECIFIED,
        max_distance_bits=max_distance,
        enabled=enabled,
        description=description,
    )
    with told_calls(settings, server, as_json=as_json) as calls:
        _show(calls.update(request), as_json=as_json)


@banks.command("delete")
@click.argument("bank")
@click.option("--yes", is_flag=True, help="Does not ask.")
@server_options
@json_option
@click.pass_obj
def delete_command(settings: Settings, bank: str, yes: bool, server: Server, as_json: bool) -> None:
    """Deletes BANK with all its entries. Policies that name it do not know from then on."""
    with told_calls(settings, server, as_json=as_json) as calls:
        if not yes:
            held = next((one.entry_count for one in calls.banks() if one.id == bank), 0)
            click.confirm(f"Delete {bank} with {held:,} entries?", abort=True, err=True)
        deleted = calls.delete(bank)
    if as_json:
        print_json({"deleted": bank_as_json(deleted)})
    else:
        click.echo(f"{deleted.id} is deleted, with {deleted.entry_count:,} entries.")


@banks.command("match")
@click.argument("file", type=readable_type, required=False)
@click.option("--hash", "pdq_hash", help="A PDQ hash in place of FILE: 64 hexadecimal digits.")
@click.option("--max-distance", type=distance_type, help="How far to look, in bits; at least as far as each bank does.")
@server_options
@json_option
@click.pass_obj
def match_command(
    settings: Settings,
    file: Path | None,
    pdq_hash: str | None,
    max_distance: int | None,
    server: Server,
    as_json: bool,
) -> None:
    """Shows what the picture FILE is near to. Decides nothing and records nothing."""
    if (file is None) == (pdq_hash is None):
        raise click.UsageError("Give either FILE or --hash.")
    request = pb.MatchImageRequest(max_distance_bits=max_distance)
    if file is not None:
        request.image = file.read_bytes()
    else:
        request.hash = pdq_hash or ""
    with told_calls(settings, server, as_json=as_json) as calls:
        found = calls.match(request)
    if as_json:
        print_json(match_as_json(found))
    else:
        draw_match(found)


@banks.command("migrate")
@click.pass_obj
def migrate_command(settings: Settings) -> None:
    """Makes the tables of the settings' store, or brings them to this version. Safe while it is used.

    Says first if older releases can't use them afterwards. Asks the store and not the service: run it where the store
    can be reached. `tidegate up` does this by itself. Nobody else makes a store in PostgreSQL: an empty one would know
    no picture, and say so of each.
    """
    from tidegate.serving.bank_store import BankStoreError, bank_place, make_banks  # noqa: PLC0415 - loads numpy

    try:
        make_banks(settings, warned=warn)
    except SettingsError as error:
        raise click.ClickException(f"settings: {error}") from error
    except BankStoreError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The hash banks at {bank_place(settings)} have the tables that this version needs.")


def _show(bank: pb.HashBank, *, as_json: bool) -> None:
    if as_json:
        print_json(bank_as_json(bank))
    else:
        draw_banks([bank])
