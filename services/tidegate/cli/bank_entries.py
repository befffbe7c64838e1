"""`tidegate banks add|import|remove|entries`: what is in a bank."""

import sys
from collections import Counter
from pathlib import Path

import click

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as pb
from tidegate.cli.bank_calls import MOST_ENTRIES
from tidegate.cli.bank_file import BankFileError, read_bank_file
from tidegate.cli.bank_options import json_option, readable_type, told_calls
from tidegate.cli.bank_view import draw_entry
from tidegate.cli.item_file import Refusal
from tidegate.cli.ledger import progress_bar
from tidegate.cli.output import print_json, print_refusal
from tidegate.cli.server_options import Server, server_options
from tidegate.client import ModerationError
from tidegate.serving.settings import Settings

_MOST_FAILURES = 250  # an exit status has a byte, and shells use those above

_bank = click.argument("bank")


@click.command("add")
@_bank
@click.argument("files", type=readable_type, nargs=-1, required=True)
@click.option("--id", "entry_id", help="The entry's id, for one file. By default the file's name.")
@click.option("--upright-only", is_flag=True, help="Without the hashes of its rotations and flips.")
@server_options
@json_option
@click.pass_obj
def add_command(
    settings: Settings,
    bank: str,
    files: tuple[Path, ...],
    entry_id: str | None,
    upright_only: bool,
    server: Server,
    as_json: bool,
) -> None:
    """Adds the pictures FILES to BANK. Only their hashes are kept.

    The exit status is the number of files that were not added, 250 at most.
    """
    named = _named(files, entry_id)
    outcomes = Counter[str]()
    with told_calls(settings, server, as_json=as_json) as calls, progress_bar() as bar:
        task = bar.add_task("adding", total=len(named))
        for name, file in named.items():
            entry = pb.NewBankEntry(id=name, image=file.read_bytes(), upright_only=upright_only)
            try:
                added = calls.add(bank, [entry])
            except ModerationError as error:
                outcomes["refused"] += 1
                print_refusal(Refusal.of(name, error), as_json=as_json)
            else:
                outcomes["added"] += added.added_count
                outcomes["unchanged"] += added.unchanged_count
            bar.advance(task)
    _show_added(bank, outcomes, as_json=as_json)
    sys.exit(min(outcomes["refused"], _MOST_FAILURES))


@click.command("import")
@_bank
@click.argument("file", type=readable_type)
@click.option("--id-column", default="entry_id", show_default=True)
@click.option("--hash-column", default="hash", show_default=True)
@click.option("--quality-column", default="quality", show_default=True, help="If the file has it.")
@server_options
@json_option
@click.pass_obj
def import_command(
    settings: Settings,
    bank: str,
    file: Path,
    id_column: str,
    hash_column: str,
    quality_column: str,
    server: Server,
    as_json: bool,
) -> None:
    """Adds the PDQ hashes in FILE, CSV with a header, to BANK. Rows with the same id are one entry.

    Rows with a quality below 50 are left out. Importing a file again adds what is missing.
    """
    try:
        content = read_bank_file(file, id_column=id_column, hash_column=hash_column, quality_column=quality_column)
    except BankFileError as error:
        raise click.ClickException(str(error)) from error
    outcomes = Counter[str](featureless=content.featureless)
    with told_calls(settings, server, as_json=as_json) as calls, progress_bar() as bar:
        task = bar.add_task("importing", total=len(content.entries))
        for start in range(0, len(content.entries), MOST_ENTRIES):
            chunk = list(content.entries[start : start + MOST_ENTRIES])
            added = calls.add(bank, chunk)
            outcomes["added"] += added.added_count
            outcomes["unchanged"] += added.unchanged_count
            bar.advance(task, len(chunk))
    _show_added(bank, outcomes, as_json=as_json)


@click.command("remove")
@_bank
@click.argument("entry_ids", nargs=-1, required=True)
@server_options
@json_option
@click.pass_obj
def remove_command(settings: Settings, bank: str, entry_ids: tuple[str, ...], server: Server, as_json: bool) -> None:
    """Removes the entries ENTRY_IDS from BANK. Those that are not there are no error."""
    with told_calls(settings, server, as_json=as_json) as calls:
        removed = sum(
            calls.remove(bank, list(entry_ids[start : start + MOST_ENTRIES]))
            for start in range(0, len(entry_ids), MOST_ENTRIES)
        )
    if as_json:
        print_json({"bank": bank, "removed": removed})
    else:
        click.echo(f"{removed:,} of {len(entry_ids):,} removed from {bank}.")


@click.command("entries")
@_bank
@server_options
@json_option
@click.pass_obj
def entries_command(settings: Settings, bank: str, server: Server, as_json: bool) -> None:
    """Lists the entries of BANK, one a line, in the order in which they were added."""
    with told_calls(settings, server, as_json=as_json) as calls:
        for entry in calls.entries(bank):
            if as_json:
                print_json({"id": entry.id, "hashes": list(entry.hashes)})
            else:
                draw_entry(entry)


def _named(files: tuple[Path, ...], entry_id: str | None) -> dict[str, Path]:
    if entry_id is not None:
        if len(files) != 1:
            raise click.UsageError("--id is for one file.")
        return {entry_id: files[0]}
    named = {file.name: file for file in files}
    if len(named) != len(files):
        twice, _ = Counter(file.name for file in files).most_common(1)[0]
        raise click.UsageError(f"Two files are called {twice}: entries of a bank have different ids. Use --id.")
    return named


def _show_added(bank: str, outcomes: Counter[str], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {"bank": bank, **{name: outcomes[name] for name in ("added", "unchanged", "refused", "featureless")}}
        )
        return
    told = [f"{outcomes['added']:,} added to {bank}"]
    told += [f"{outcomes['unchanged']:,} there already"] if outcomes["unchanged"] else []
    told += [f"{outcomes['refused']:,} refused"] if outcomes["refused"] else []
    told += [f"{outcomes['featureless']:,} left out: too little to see"] if outcomes["featureless"] else []
    click.echo("; ".join(told) + ".")
