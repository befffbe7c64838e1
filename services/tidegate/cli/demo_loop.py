"""The last part of `tidegate demo`: what was decided about an account changes what is decided next.

One account, over gRPC: a borderline comment is published; three threats are blocked and a person confirms each; the
same comment is then held, for no other reason.
"""

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click
from rich.console import Console
from rich.table import Table

from tidegate.cli.demo_items import BORDERLINE
from tidegate.client import (
    AccountEvent,
    Action,
    Completeness,
    ContentItem,
    Decision,
    EventKind,
    ModerationError,
    ProfileFacts,
    Surface,
    TidegateClient,
    text_part,
)

CONFIRMED = "account_enforcement__confirmed_blocks_365d"
VISIBLE_WITHIN_S = 20.0
"""Longest wait for events to count. They take well under a second; a machine may be busy with other things."""
_THREATS = (
    "I will find you and hurt you",
    "I am going to come over and hurt you tonight",
    "I'm going to come over and hurt you",
)
_POLL_S = 0.02
_MORE_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Loop:
    """What happened."""

    account_id: str
    """The account, made for this run."""
    before: Decision
    """The borderline comment at first."""
    blocks: tuple[Decision, ...]
    """The three threats."""
    after: Decision
    """The same comment once three blocks were confirmed."""
    visible_ms: float
    """From the confirmations' acknowledgement to the first decision that was made with them."""


def run_loop(client: TidegateClient, *, budget_ms: float) -> Loop:
    """Closes the loop once, with an account that nobody has seen before.

    Raises:
        click.ClickException: Something was not decided or recorded as it should be; the message says what.
    """
    account = f"loop-{uuid.uuid4().hex[:12]}"
    try:
        _record(client, [_registered(account)])
        _seen(client, account, budget_ms, confirmed=0)
        before = _comment(client, account, BORDERLINE, budget_ms)
        blocks = tuple(_comment(client, account, words, budget_ms) for words in _THREATS)
        wrong = [decision.action for decision in blocks if decision.action is not Action.BLOCK]
        if wrong:
            raise click.ClickException(f"a threat was answered with {wrong[0]}, so there is nothing to confirm")
        _record(client, [_confirmed(account, decision) for decision in blocks])
        began = time.monotonic()
        after = _seen(client, account, budget_ms, confirmed=len(blocks))
        return Loop(account, before, blocks, after, (time.monotonic() - began) * 1000.0)
    except ModerationError as error:
        raise click.ClickException(f"the loop stopped: {error}") from error


def draw_loop(console: Console, loop: Loop) -> None:
    """Shows it as a story of three rows."""
    table = Table(pad_edge=False, box=None, header_style="bold dim")
    table.add_column("action", no_wrap=True)
    table.add_column("what happened", ratio=5)
    table.add_column("why", ratio=3, overflow="fold")
    table.add_row(f"[green]{loop.before.action}[/]", f"“{BORDERLINE}”", "no rule fired: the account has no history")
    rules = ", ".join(dict.fromkeys(one.violations[0].rule for one in loop.blocks))
    table.add_row(f"[red]{Action.BLOCK}[/]", f"{len(loop.blocks)} threats by the same account, each confirmed", rules)
    why = ", ".join(violation.rule for violation in loop.after.violations)
    table.add_row(f"[magenta]{loop.after.action}[/]", f"“{BORDERLINE}”, the same words again", why)
    console.print(table)
    console.print(f"The confirmations counted {loop.visible_ms:,.0f} ms after their acknowledgement.\n")


def _registered(account: str) -> AccountEvent:
    now = datetime.now(tz=UTC)
    facts = ProfileFacts(registered_at=now - timedelta(days=90), followers=40, verified=False, email_confirmed=True)
    return AccountEvent(f"{account}:profile", account, EventKind.PROFILE, now, profile=facts)


def _confirmed(account: str, decision: Decision) -> AccountEvent:
    return AccountEvent(
        f"review:{decision.decision_id}",
        account,
        EventKind.REVIEW_OUTCOME,
        datetime.now(tz=UTC),
        subject_id=decision.decision_id,
        action=Action.BLOCK,
    )


def _record(client: TidegateClient, events: list[AccountEvent]) -> None:
    done = client.record_events(events)
    if done.refused:
        first = done.refused[0]
        raise click.ClickException(f"event {first.event_id} was refused: {first.field} {first.message}")


def _seen(client: TidegateClient, account: str, budget_ms: float, *, confirmed: int) -> Decision:
    """The first decision on the borderline comment that was made with this many confirmed blocks."""
    began = time.monotonic()
    while True:
        decision = _comment(client, account, BORDERLINE, budget_ms)
        counted = next((one.value for one in decision.inputs.account.values if one.name == CONFIRMED), None)
        if counted == confirmed:
            return decision
        if time.monotonic() - began > VISIBLE_WITHIN_S:
            raise click.ClickException(
                f"{CONFIRMED} is {counted} and not {confirmed} after {VISIBLE_WITHIN_S:.0f} s; "
                "`tidegate status` shows whether all parts run"
            )
        time.sleep(_POLL_S)


def _comment(client: TidegateClient, account: str, words: str, budget_ms: float) -> Decision:
    """The decision on a comment; asked again where a machine that is still busy starting did not answer in time."""
    item = ContentItem(f"loop-{uuid.uuid4().hex}", account, Surface.COMMENT, "SE", (text_part("text", words),))
    decision = client.moderate(item, budget_ms=budget_ms)
    for _ in range(_MORE_ATTEMPTS):
        if decision.completeness is Completeness.COMPLETE:
            break
        decision = client.moderate(item, budget_ms=budget_ms)
    return decision
