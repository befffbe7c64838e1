"""What an asynchronous standby had got of a ledger when it took over, simulated on one server: its state comes back."""

import contextlib
from dataclasses import dataclass
from typing import Any

import psycopg

from tidegate.postgres.connection import PostgresTarget


@dataclass(frozen=True, slots=True)
class PromotedStandby:
    """A ledger as it was at one moment."""

    target: PostgresTarget
    heads: list[tuple[Any, ...]]

    @classmethod
    def of(cls, target: PostgresTarget) -> "PromotedStandby":
        """All that is there now has reached it, and nothing later will."""
        with contextlib.closing(psycopg.connect(target.dsn)) as outside:
            return cls(target, outside.execute("TABLE tidegate_ledger.heads").fetchall())

    def takes_over(self) -> None:
        """Every connection is lost, and with them what came later."""
        with contextlib.closing(psycopg.connect(self.target.dsn, autocommit=True)) as outside:
            outside.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ~ 'tidegate'"
            )
            outside.execute("SET search_path = tidegate_ledger")
            outside.execute("SET session_replication_role = replica")  # no triggers
            with outside.transaction():
                outside.execute("DELETE FROM heads")
                for head in self.heads:
                    outside.execute("INSERT INTO heads VALUES (%s, %s, %s, %s, %s, %s)", head)
                outside.execute(
                    "DELETE FROM records AS r WHERE NOT EXISTS"
                    " (SELECT FROM heads AS h WHERE h.writer_id = r.writer_id AND h.sequence >= r.sequence)"
                )
                outside.execute(
                    "DELETE FROM idempotency_keys AS k WHERE NOT EXISTS"
                    " (SELECT FROM records AS r WHERE r.day = k.day AND r.decision_id = k.decision_id)"
                )
