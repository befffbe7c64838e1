"""`tidegate decision ID`: a recorded decision, asked of the running service."""

import click

from tidegate.cli.connection import connected
from tidegate.cli.decision_view import decision_as_json, draw_decision
from tidegate.cli.item_file import Refusal
from tidegate.cli.output import print_json, print_refusal
from tidegate.cli.server_options import Server, server_options
from tidegate.client import ModerationError
from tidegate.serving.settings import Settings


@click.command("decision")
@click.argument("decision_id")
@click.option("--explain", is_flag=True, help="Shows how each rule came out: the service evaluates the record again.")
@server_options
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_obj
def decision(settings: Settings, decision_id: str, explain: bool, server: Server, as_json: bool) -> None:
    """Shows the recorded decision DECISION_ID: what was decided, why, what ran and what did not.

    Asks the running service, with --explain or without: `tidegate up` starts it. `tidegate replay` needs the ledger
    only.
    """
    with connected(settings, server, traced=False) as client:
        try:
            found = client.get_decision(decision_id, explain=explain)
        except ModerationError as error:
            print_refusal(Refusal.of("", error), as_json=as_json)
            raise click.exceptions.Exit(1) from error
    if as_json:
        print_json(decision_as_json(found))
    else:
        draw_decision(found)
