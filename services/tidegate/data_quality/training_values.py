"""A training set's columns of account signals, from its Parquet file."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.data_quality.reference import COMPARED, ReferenceUnusableError
from tidegate.data_quality.typed_values import FEATURE_TYPES, WrongTypeError, with_types

KNOWN = "account_known"
"""Column of a training set that is false where the log knew nothing of the account. Those rows say nothing."""


def training_values(path: Path) -> pa.Table:
    """The compared features of rows on known accounts, each of its type.

    Any Parquet file with columns `VIEW__FEATURE` will do. Without a column `account_known`, all its rows count.

    Raises:
        ReferenceUnusableError: The file can't be read, has none of the columns, no row, or a value of a wrong type.
    """
    try:
        held = set(pq.read_schema(path).names)
        names = [name for name in COMPARED if name in held]
        if not names:
            raise ReferenceUnusableError(f"{path} has no column VIEW__FEATURE, such as {COMPARED[0]}")
        chosen = with_types(
            pq.read_table(path, columns=[*names, KNOWN] if KNOWN in held else names),
            {**FEATURE_TYPES, KNOWN: pa.bool_()},
        )
    except WrongTypeError as error:
        raise ReferenceUnusableError(f"{path}, {error}. Make the training set again") from error
    except (OSError, pa.ArrowException) as error:
        raise ReferenceUnusableError(f"{path} is no readable Parquet file: {error}") from error
    known = chosen.filter(chosen[KNOWN]).select(names) if KNOWN in held else chosen
    if not known.num_rows:
        raise ReferenceUnusableError(f"{path} has no row on a known account: there is nothing to compare with")
    return known
