"""The options of the load tests, as a person finds them."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def test_a_command_prints_every_option_and_what_it_is_by_default() -> None:
    """In an environment without Locust, whose own `--help` has none of them."""
    told = subprocess.run(
        [sys.executable, "-m", "loadtests.locust.options"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    for option in ("--plan", "--shape", "--mix", "--stream-share", "--burst-mean", "--max-in-flight", "--thresholds"):
        assert f"  {option} " in told
    assert "by default 2000" in told
