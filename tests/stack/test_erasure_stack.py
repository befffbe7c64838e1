"""An account is erased beside a whole running stack: decisions, traces and logs were made about it by every process."""

import json
import time
from pathlib import Path

import pytest

from tests.accounts.traces import traces
from tests.stack.running import Stack, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ACCOUNT = "zq-stack-1f07c3"


def test_an_account_goes_from_a_running_stack_and_stays_gone(stack: Stack, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text(stack.run("events", "example", "--account", ACCOUNT).stdout)
    assert stack.json("events", "load", str(events), "--json")["refused"] == 0
    for text in ("what a lovely song", "a song to remember"):
        assert "decision_id" in stack.moderate(text, "--account", ACCOUNT)

    def computed() -> bool:
        export = stack.json("account", "export", ACCOUNT, "--json")
        decided = [event for event in export["events"] if event["kind"] == "DECISION"]
        return len(decided) == 2 and export["held"]["online"]["count"] >= 3

    assert eventually(computed, timeout_s=60)
    receipt = stack.json("account", "erase", ACCOUNT, "--yes", "--json")
    assert (receipt["erased"], receipt["kept"]["decisions"]["count"]) == (True, 2)
    again = stack.json("events", "load", str(events), "--json")
    assert set(again["refused_by_reason"]) == {"ERASED"}
    time.sleep(2)
    assert traces(stack.state_dir, ACCOUNT) == []
    assert "decision_id" in stack.moderate("and it may come back", "--account", ACCOUNT)
    held = json.loads(stack.run("account", "export", ACCOUNT, "--json").stdout)["held"]
    assert held["decisions"]["count"] == 3
