"""What a command says it is doing: one step that moves on a terminal, a line for each step elsewhere."""

import os
import subprocess
import sys

from tests.cli.processes import Terminal

PROGRAM = """
from tidegate.cli.steps import Steps
with Steps("first [of two]") as say:
    say.glimpse("a detail")
    say("second")
print("done")
"""


def test_elsewhere_each_step_is_a_line_on_standard_error() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("done\n", "first [of two]\nsecond\n")


def test_on_a_terminal_one_line_shows_the_present_step_and_is_gone_at_the_end() -> None:
    terminal = Terminal()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=True,
        stdout=subprocess.PIPE,
        stderr=terminal.theirs,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    shown = terminal.shown()
    assert done.stdout == "done\n"
    assert "second" in shown
    assert shown.rstrip().endswith("\x1b[2K"), "the line is cleared"
