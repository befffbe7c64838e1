"""Feast is imported without the checks that typeguard compiles into it, and typeguard checks everybody else."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import typeguard

from tidegate.features.feast_import import import_feast

import_feast()

import feast
from feast.types import Int64

feast.Field(name=b"Feast would refuse bytes", dtype=Int64)


@typeguard.typechecked
def number(given: int) -> int:
    return given


try:
    number("seven")
except typeguard.TypeCheckError:
    print("others are checked")
"""


def test_feast_is_imported_without_checks_and_others_keep_theirs(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)  # a process of its own: this one has imported Feast already
    done = subprocess.run([sys.executable, program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "others are checked\n"), done.stderr
