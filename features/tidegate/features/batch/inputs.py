"""What a batch run computes, and the digest that says whether two runs compute the same."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.features import feature, refs, transforms
from tidegate.features.events.log import EVENT_SCHEMA

EVENTS_PER_PARTITION = 160_000
"""Bounds a worker's memory: about 1 GiB with the transforms' intermediate columns."""


class BatchInputError(ValueError):
    """An events file can't be used."""

    def __init__(self, file: Path, field_name: str, message: str) -> None:
        super().__init__(f"{file}: {field_name}: {message}" if field_name else f"{file}: {message}")
        self.file = file
        """The file."""
        self.field = field_name
        """The column at fault; empty if the file as a whole is."""


@dataclass(frozen=True, slots=True)
class BatchInputs:
    """Events and the instants to compute signals for."""

    files: Sequence[Path]
    """Parquet files with `EVENT_SCHEMA`'s columns; others in them are ignored."""
    at_us: Sequence[int]
    """Instants, microseconds since 1970 UTC."""
    erased: Mapping[str, int] = field(default_factory=dict)
    """Erased accounts that the files may still name, and when: their events up to then are left out."""
    risk: str = "none"
    """Name and version of the risk model whose scores go with the rows."""

    def events(self) -> int:
        """Events in the files, repeats counted."""
        return sum(pq.read_metadata(path).num_rows for path in self.files)

    def partitions(self) -> int:
        """How many parts to compute in."""
        return max(1, -(-self.events() // EVENTS_PER_PARTITION))

    def digest(self) -> str:
        """64 hex digits that change with the events, the instants, the erasures and the code that computes."""
        facts = {
            "files": sorted(_sha256(path) for path in self.files),
            "at_us": sorted(self.at_us),
            "erased": sorted(self.erased.items()),
            "risk": self.risk,
            "code": _code_digest(),
            "duckdb": duckdb.__version__,
            "per_partition": EVENTS_PER_PARTITION,
        }
        return hashlib.sha256(orjson.dumps(facts)).hexdigest()


def event_files(sources: Sequence[Path]) -> list[Path]:
    """Parquet files among the sources and directly in folders among them, checked.

    Raises:
        BatchInputError: There is none, or one lacks a column or has it in another type.
    """
    files = [file for source in sources for file in (sorted(source.glob("*.parquet")) if source.is_dir() else [source])]
    if not files:
        raise BatchInputError(Path(*sources[:1]), "", "holds no .parquet file")
    for file in files:
        _check(file)
    return files


def _check(file: Path) -> None:
    try:
        schema = pq.read_schema(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise BatchInputError(file, "", "is no readable Parquet file") from error
    for expected in EVENT_SCHEMA:
        position = schema.get_field_index(expected.name)
        if position < 0:
            raise BatchInputError(file, expected.name, f"there is no such column; it must be {expected.type}")
        if schema.field(position).type != expected.type:
            raise BatchInputError(file, expected.name, f"must be {expected.type}, is {schema.field(position).type}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _code_digest() -> str:
    """Of the modules that say what the features are: rows by older definitions are never taken for finished."""
    modules = [Path(feature.__file__), Path(refs.__file__), *sorted(Path(transforms.__path__[0]).glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in modules)).hexdigest()
