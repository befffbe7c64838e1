"""`tidegate account`: everything held on an account, out or gone. Works on the stores, stack running or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.account_view import draw_held, draw_nothing, draw_receipt, print_plain
from tidegate.cli.output import told_os_error
from tidegate.cli.steps import Steps
from tidegate.features.feast_import import import_feast
from tidegate.serving.decode import MAX_ACCOUNT_ID
from tidegate.serving.ledger_store import ConfiguredLedger
from tidegate.serving.settings import Settings, SettingsError

if TYPE_CHECKING:
    from tidegate.accounts.export_files import Export
    from tidegate.accounts.held import AccountPlaces

_json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


class AccountName(click.ParamType[str]):
    """An account's id. Never completed or corrected: that would tell which others are known."""

    name = "account"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id as it is."""
        if not 1 <= len(value) <= MAX_ACCOUNT_ID or not value.isprintable():
            self.fail(f"an account's id has 1 to {MAX_ACCOUNT_ID} printable characters", param, ctx)
        return value


_account_argument = click.argument("account_id", metavar="ACCOUNT", type=AccountName())


@click.group()
def account() -> None:
    """Everything held on an account: out, or gone."""


@account.command("export")
@_account_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write, for its owner's eyes: JSON Lines if its name ends in .jsonl, else one JSON document.",
)
@click.option("--mask-others", is_flag=True, help="Other accounts as other-1, other-2, …: for the account's holder.")
@_json_option
@click.pass_obj
def export_command(settings: Settings, account_id: str, out: Path | None, mask_others: bool, as_json: bool) -> None:
    """Shows what is held on ACCOUNT, store by store; --json prints all of it, --out writes all of it.

    With both, the summary is what is printed. A name of which nothing is held is no failure: exit 0. A --state-dir
    without an event log is one: nobody looked where anything would be.
    """
    with Steps("reading every store"), _failures_explained():
        from tidegate.accounts.export import OthersMasked  # noqa: PLC0415 - imports Feast, which takes seconds
        from tidegate.accounts.export_files import collected  # noqa: PLC0415 - as above

        found = collected(_places(settings), account_id, now=datetime.now(UTC))
        if mask_others:
            found = found.masked(OthersMasked(account_id))
        if out is not None:
            _write(out, found)
    if as_json:
        print_plain(found.document() if out is None else found.summary())
        return
    draw_held(found.spans(), erased_at=found.erased_at)
    if out is not None:
        click.echo(f"written to {out}")


@account.command("erase")
@_account_argument
@click.option("--yes", is_flag=True, help="Does not ask.")
@_json_option
@click.pass_obj
def erase_command(settings: Settings, account_id: str, yes: bool, as_json: bool) -> None:
    """Erases ACCOUNT from event log, online store and offline files, for good, and leaves a receipt.

    Decision records stay: what was decided must remain provable. Interrupted, the same call goes on. A name of which
    nothing is held gives "nothing is held on this account; nothing was erased", exit 0, and no receipt; no other name
    is suggested. The receipt comes when the event log has been rewritten, beside whoever writes and reads it: minutes
    for 100 MB, days for 100 GB. Other erasures may be begun meanwhile, and share it.
    """
    if as_json and not yes:
        raise click.UsageError("With --json nothing is asked: add --yes.")
    with Steps("reading every store"), _failures_explained():
        from tidegate.accounts.erasure import AccountEraser  # noqa: PLC0415 - imports Feast, which takes seconds
        from tidegate.accounts.receipts import Receipts  # noqa: PLC0415 - as above

        places = _places(settings)
        eraser = AccountEraser(places, clock=lambda: datetime.now(UTC))
        held = eraser.look(account_id)
    if held.is_erased or (held.is_empty and not held.unfinished):
        draw_nothing(held, as_json=as_json)
        return
    if not yes:
        draw_held(held.counts(), erased_at=held.erased_at)
        click.confirm("Erase all of it but the decisions? Nobody can take this back.", abort=True, err=True)
    with Steps("erasing") as say, _failures_explained():
        receipt = eraser.erase(account_id, kept=held.kept, say=say)
    path = Receipts(places.erasures).path(receipt.receipt_id)
    if as_json:
        print_plain({"erased": True, "receipt_file": str(path), **receipt.document()})
    else:
        draw_receipt(receipt, path)


def _write(out: Path, found: "Export") -> None:
    from tidegate.accounts.export_files import write_export  # noqa: PLC0415 - as above

    try:
        write_export(out, found)
    except OSError as error:  # it names the draft beside the file, which nobody asked for
        raise click.ClickException(
            f"{out} can't be written: {told_os_error(error)}. Nothing was written; give --out a file in a folder "
            "that exists, that you may write to and that has room"
        ) from error


def _places(settings: Settings) -> "AccountPlaces":
    """Where to look. Refuses a folder without an event log: nothing found there would be a wrong answer."""
    from tidegate.accounts.held import AccountPlaces  # noqa: PLC0415 - as above

    if not settings.events_path.is_file():
        raise click.ClickException(f"There is no event log at {settings.events_path}; is --state-dir right?")
    return AccountPlaces(
        features=settings.features_dir,
        events=settings.events_path,
        ledger=ConfiguredLedger(settings).place(),
        erasures=settings.erasures_dir,
    )


@contextmanager
def _failures_explained() -> Iterator[None]:
    import_feast()
    from tidegate.accounts.erasure import ErasureIncompleteError  # noqa: PLC0415 - as above
    from tidegate.accounts.held import AccountStoreUnavailableError  # noqa: PLC0415 - as above
    from tidegate.accounts.receipts import ErasureUnderWayError  # noqa: PLC0415 - as above

    try:
        yield
    except (AccountStoreUnavailableError, ErasureIncompleteError, ErasureUnderWayError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except SettingsError as error:
        raise click.ClickException(f"settings: {error}") from error
