"""How a stack that came up stands now: its supervisor watches processes, and asks neither router nor ledger again."""

import threading
from dataclasses import replace

from tidegate.ledger.archive import LedgerPlace, LedgerUnreadableError
from tidegate.serving.ledger_store import ledger_place
from tidegate.serving.settings import Settings, SettingsError
from tidegate.serving.stack.probe import TIMEOUT_S
from tidegate.serving.stack.state import PartState, StackPhase, StackState

_NOTHING_DECIDED = (
    "ledger: {why} No decision is made without it. Bring it back: routers connect again by themselves"
    " (runbook TidegateLedgerFails)"
)
_ROUTER = (
    "router: grpc.health.v1 at {address} does not answer SERVING: it does not run, has not reached every stage yet, or"
    " can't write the ledger. Logs: /tmp/ray/session_latest/logs/serve/ (runbook TidegateNoRouter)"
)
_PART = "{name}: {state}; the supervisor starts it again by itself, and its log beside stack.log says why it ended"


def as_it_is_now(state: StackState, *, serving: bool) -> StackState:
    """The state of a READY stack with what routers and, where they do not serve, the ledger answer.

    Args:
        state: As the supervisor wrote it. Stays as it is unless READY.
        serving: Whether the router answers SERVING, for which it has asked the ledger.
    """
    if state.phase is not StackPhase.READY:
        return state
    reasons = [
        _PART.format(name=part.name, state=part.state) for part in state.parts if part.state is not PartState.READY
    ]
    failed = dict[str, str]()
    if not serving:
        failed["router"] = _ROUTER.format(address=state.grpc_address)
        if why := _ledgers_trouble(state):
            failed = {"ledger": _NOTHING_DECIDED.format(why=why), "router": "router: waits for the ledger"}
    parts = tuple(replace(part, state=PartState.FAILED) if part.name in failed else part for part in state.parts)
    reasons = [*failed.values(), *reasons]
    if not reasons:
        return state
    phase = StackPhase.DEGRADED if serving else StackPhase.NOT_SERVING
    return replace(state, phase=phase, parts=parts, reason="\n".join(reasons))


def _ledgers_trouble(state: StackState) -> str:
    """Why the stack's ledger can't be read; empty if it can be, or if it can't be told which it is."""
    try:
        place = ledger_place(Settings.from_payload(state.settings))
    except SettingsError:
        return ""
    # A database is named by the environment, which may be another here.
    if str(place) not in {part.address for part in state.parts if part.name == "ledger"}:
        return ""
    found: list[str] = []
    asking = threading.Thread(target=lambda: found.append(_asked(place)), daemon=True)
    asking.start()
    asking.join(TIMEOUT_S)  # a name server or a hung database may take for ever
    return found[0] if found else f"The ledger in {place} did not answer within {TIMEOUT_S:.0f} s."


def _asked(place: LedgerPlace) -> str:
    try:
        with place.opened():
            return ""
    except LedgerUnreadableError as error:
        return str(error)
