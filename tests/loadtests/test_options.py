"""The options of the load tests, as a person finds them."""

import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest

from loadtests.locust.options import add_options

CHECKOUT = Path(__file__).parents[2]


def test_a_command_prints_every_option_and_what_it_is_by_default() -> None:
    """In an environment without Locust, whose own `--help` has none of them."""
    told = subprocess.run(
        [sys.executable, "-m", "loadtests.locust.options"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    for option in ("--plan", "--shape", "--mix", "--stream-share", "--burst-mean", "--max-in-flight", "--thresholds"):
        assert f"  {option} " in told
    assert "by default 2000" in " ".join(told.split())


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--level", "0", "0 is not above 0"),
        ("--level", "abc", "'abc' is no number"),
        ("--seconds", "inf", "'inf' is no finite number"),
        ("--burst-mean", "0.5", "0.5 is not 1 or more"),
        ("--stream-share", "2", "2 is not between 0 and 1"),
        ("--channels", "0", "'0' is no whole number of 1 or more"),
        ("--window", "1.5", "'1.5' is no whole number of 1 or more"),
        ("--plan", "a:0x2", "'a:0x2' measures nothing"),
        ("--plan", "warm-up:5x2,rest:0x1", "measures nothing"),
        ("--plan", "a:1", "NAME:LEVELxSECONDS"),
    ],
)
def test_a_value_that_makes_no_run_is_refused_with_what_is_allowed(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = ArgumentParser()
    add_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([option, value])
    assert said in capsys.readouterr().err
