"""The PostgreSQL ledger's tables. Several processes may start at once: one of them migrates."""

from tidegate.postgres.schema import Migration, Schema

SCHEMA = "tidegate_ledger"
"""Schema of all that is the ledger's in the database. Its statements are in `migrations/`, which name it too."""

LEDGER = Schema(
    name=SCHEMA,
    what="ledger",
    package="tidegate.ledger",
    steps=(
        Migration("0001_ledger.sql", compatible_from=1),
        Migration("0002_retention.sql", compatible_from=2),
    ),
    lock=0x5449_4447_0000_0001,  # "TIDG", 1
)
"""Its tables by version."""
