"""Erasing while the stack's processor, in another process, computes the same account again and again."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.accounts.deployment import GONE, NEXT, Deployment
from tests.accounts.traces import traces
from tidegate.features.events.event import AccountEvent, EventKind

ROOT = Path(__file__).parents[2]


@pytest.mark.integration
def test_a_running_processor_does_not_undo_it_and_records_on(deployment: Deployment) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.accounts.running_signals", str(deployment.state), GONE],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdin is not None
    assert running.stdout is not None
    try:
        assert running.stdout.readline() == "RUNNING\n"
        for number in range(20):  # it is due, and being computed, when the erasure comes
            with deployment.log() as log:
                event = AccountEvent(f"now-{number}", GONE, EventKind.COMMENT, datetime.now(UTC), subject_id="c")
                log.append([event], recorded_at=datetime.now(UTC))
            time.sleep(0.05)
        deployment.erase()
        deployment.erase(NEXT)
        time.sleep(1)
        assert traces(deployment.state, GONE) == []
        running.stdin.close()
        answers = json.loads(running.stdout.read())
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
    assert answers["ERASED"] > 0
    assert answers["NEW"] >= 60, "events of others were recorded before, meanwhile and since"
    assert sum(count for name, count in deployment.held().items() if name != "decisions") == 0
    assert traces(deployment.state, GONE) == []
