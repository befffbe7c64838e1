"""The release after this one, as far as its tables differ; as a program, a router of it that writes.

Arguments of the program: the ledger's DSN, a folder for its migration, callers, records each, key prefix. It prints
what `appending_process.py` prints. Its tables have a column and an index more, which it fills and this release does not
know.
"""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from tests.ledger.appending_process import append_all
from tidegate.ledger import postgres_place, postgres_reader, postgres_session
from tidegate.ledger.postgres_schema import LEDGER
from tidegate.postgres.schema import Migration, Schema

LEDGER_STEP = """
ALTER TABLE tidegate_ledger.records ADD COLUMN release text;
CREATE INDEX records_by_release ON tidegate_ledger.records (release);
"""
BANKS_STEP = """
ALTER TABLE tidegate_banks.banks ADD COLUMN owner text NOT NULL DEFAULT '';
ALTER TABLE tidegate_banks.entries ADD COLUMN owner text NOT NULL DEFAULT '';
ALTER TABLE tidegate_banks.removals ADD COLUMN removed_at timestamptz NOT NULL DEFAULT now();
"""


def after(schema: Schema, folder: Path, step: str, *, compatible_from: int) -> Schema:
    """The schema with one version more, whose file lies in the folder."""
    file = folder / f"{schema.newest + 1:04}_next.sql"
    file.write_text(step, encoding="utf-8")
    return replace(schema, steps=(*schema.steps, Migration(str(file.resolve()), compatible_from=compatible_from)))


def _become(ledger: Schema) -> None:
    """This process is of the next release from now on."""
    for module in (postgres_place, postgres_reader, postgres_session):
        vars(module)["LEDGER"] = ledger
    for name in ("RECORD", "RECORD_KEYED"):
        statement: str = vars(postgres_session)[name]
        columns, values = "previous_hash, hash, record)", "SELECT * FROM unnest(%b::date[], %b::text[], %b::bytea[], %b"
        assert columns in statement
        assert values in statement
        statement = statement.replace(columns, columns.replace(")", ", release)"))
        vars(postgres_session)[name] = statement.replace(values, values.replace("*", "*, 'next'"))


if __name__ == "__main__":
    dsn, folder, callers, records, prefix = sys.argv[1:]
    _become(after(LEDGER, Path(folder), LEDGER_STEP, compatible_from=LEDGER.newest))
    asyncio.run(append_all(dsn, callers=int(callers), records=int(records), prefix=prefix, size_limit=0))
