"""Expectations on the published run of feature rows: its age, its size beside the run before, and its values."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.data_quality.expectations import Expectations
from tidegate.data_quality.findings import Finding, Subject
from tidegate.data_quality.typed_values import FEATURE_TYPES, WrongTypeError, with_types
from tidegate.data_quality.value_quality import ValueQuality
from tidegate.features.batch.run_directory import Published, published, published_before
from tidegate.features.events.columns import moment
from tidegate.features.feature import View
from tidegate.features.refs import ACCOUNT_SIGNALS_V2

_DAY = timedelta(days=1)


class RowsUnusableError(Exception):
    """A file of the published run can't be read, or holds a value of a wrong type. The message names it."""


def row_findings(
    offline: Path, expectations: Expectations, *, now: datetime, progress: Callable[[], None] = lambda: None
) -> Iterator[Finding]:
    """Judges the published run.

    Args:
        offline: Folder of the runs.
        expectations: What is expected.
        now: Our clock's reading.
        progress: Is called for each file.

    Raises:
        NothingPublishedError: There is no run.
        RowsUnusableError: One of its files can't be used.
    """
    run, before = published(offline), published_before(offline)
    age_days = (now - moment(max(run.at_us))) / _DAY
    yield Finding(Subject.ROWS, "run", "age in days", (age_days,), (0.0, expectations.rows.age_days), 1)
    for view in ACCOUNT_SIGNALS_V2.views:
        if before is not None:
            yield _volume(view, run, before, expectations)
        values = ValueQuality(Subject.ROWS, expectations)
        for path in run.parts(view):
            values.add(_read(path, view))
            progress()
        yield from values.findings()


def _read(path: Path, view: View) -> pa.Table:
    try:
        rows = pq.read_table(path)
        return with_types(rows.rename_columns([f"{view.name}__{name}" for name in rows.column_names]), FEATURE_TYPES)
    except WrongTypeError as error:
        raise RowsUnusableError(f"{path}, {error}") from error
    except (OSError, pa.ArrowException) as error:
        raise RowsUnusableError(f"{path} is no readable Parquet file: {error}") from error


def _volume(view: View, run: Published, before: Published, expectations: Expectations) -> Finding:
    now, then = (each.row_counts.get(view.name, 0) / len(each.at_us) for each in (run, before))
    ratio = (now / then,) if then else ()
    allowed = expectations.rows.volume
    return Finding(Subject.ROWS, view.name, "÷ rows before", ratio, allowed, int(then), expectations.fewest_rows)


def parts(offline: Path) -> int:
    """Files that `row_findings` will read."""
    return published(offline).partitions * len(ACCOUNT_SIGNALS_V2.views)
