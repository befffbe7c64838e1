"""The tables that hold names, which are in two parts while the log is rewritten (`sqlite_rewriter`).

What is written goes into the new part, `events`, and what was there before is moved over from the former one,
`events_former`, chunk by chunk. Whoever reads takes both; without a rewriting there is one, and statements are as plain
as for one. Which it is holds for a transaction, so it is asked in each.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import product

FORMER = "_former"
"""End of the name of a former part."""

Parts = tuple[str, ...]
"""Ends of the names of the parts that there are."""

_WHOLE: Parts = ("",)
_DIVIDED: Parts = ("", FORMER)


def parts(connection: sqlite3.Connection) -> Parts:
    """Which parts there are, as of the caller's transaction."""
    begun, moved = connection.execute("SELECT begun, moved FROM rewriting").fetchone()
    return _WHOLE if begun == moved else _DIVIDED


@cache
def over(select: str, there: Parts, order: str = "") -> str:
    """A query over all parts.

    Each part is read in the order that is asked for, and SQLite merges the two: nothing is sorted.

    Args:
        select: With `{part}` after the name of a table, and `{other}` after that of a second one, if it joins two.
            Its parameters are numbered, since each part gets the same ones.
        there: See `parts`.
        order: What follows, ORDER BY and LIMIT.
    """
    each = product(there, repeat=2 if "{other}" in select else 1)
    selects = (select.format(part=ends[0], other=ends[-1]) for ends in each)
    return " UNION ALL ".join(selects) + order


def take_over(connection: sqlite3.Connection, there: Parts, account_ids: Sequence[str]) -> None:
    """Brings the rows of these accounts in `accounts` into the new part, where they can be written over."""
    if FORMER not in there:
        return
    names = [(account_id,) for account_id in account_ids]
    connection.executemany(f"INSERT INTO accounts SELECT * FROM accounts{FORMER} WHERE account_id = ?", names)  # noqa: S608 - fixed words only
    connection.executemany(f"DELETE FROM accounts{FORMER} WHERE account_id = ?", names)  # noqa: S608 - as above
