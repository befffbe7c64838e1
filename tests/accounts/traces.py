"""Where a name still is: in the bytes of every file of a state directory, and in the strings of every Parquet file."""

import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def traces(state: Path, name: str) -> list[str]:
    """Files that hold the name, relative to the state directory; the ledger is left out.

    Bytes are searched by another process: closing a database's file here would drop SQLite's locks on it.
    """
    found = subprocess.run(
        ["grep", "--recursive", "--files-with-matches", "--text", "--fixed-strings", "-e", name, "."],
        cwd=state,
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C"},
    )
    assert found.returncode in {0, 1}, found.stderr
    named = {line.removeprefix("./") for line in found.stdout.splitlines()}
    named |= {str(path.relative_to(state)) for path in state.rglob("*") if name in path.name}
    named |= {str(path.relative_to(state)) for path in state.rglob("*.parquet") if _names(path, name)}
    return sorted(each for each in named if not each.startswith("ledger.db"))


def _names(path: Path, name: str) -> bool:
    with path.open("rb") as file:
        table = pq.read_table(file)
    texts = [column for column in table.columns if pa.types.is_string(column.type)]
    return any(name in (value or "") for column in texts for value in column.to_pylist())
