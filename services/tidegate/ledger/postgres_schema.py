"""The PostgreSQL ledger's tables. Several processes may start at once: one of them migrates."""

from tidegate.postgres.schema import Schema

SCHEMA = "tidegate_ledger"
"""Schema of all that is the ledger's in the database. Its statements are in `migrations/`, which name it too."""

LEDGER = Schema(
    name=SCHEMA,
    what="ledger",
    package="tidegate.ledger",
    files=("0001_ledger.sql", "0002_retention.sql"),
    lock=0x5449_4447_0000_0001,  # "TIDG", 1
)
"""Its tables by version."""
