"""COMMIT means durable, whatever the server's defaults are, and on standbys too where it is told to wait for them."""

import logging

from psycopg import errors

from tidegate.postgres.connection import BoundedConnection

_log = logging.getLogger(__name__)


def refuse_losses(connection: BoundedConnection) -> None:
    """Overrules `synchronous_commit = off`; `fsync = off`, which can't be, is logged. Raises psycopg.Error."""
    row = connection.execute("SELECT current_setting('synchronous_commit'), current_setting('fsync')").fetchone()
    assert row is not None
    if row[0] == "off":
        connection.execute("SET synchronous_commit = on")
    if row[1] == "off":
        _log.error("postgres.server_without_fsync")


class CommitWarnings:
    """What the server warns of, as when the wait for a standby was cancelled: committed here, and not yet there."""

    def __init__(self, connection: BoundedConnection) -> None:
        """Listens from now on."""
        self._warnings: list[str] = []
        self._connection = connection
        connection.add_notice_handler(self._heed)

    def forget(self) -> None:
        """Before what is to be committed: earlier warnings are not about it."""
        self._warnings.clear()

    def refuse(self) -> None:
        """After COMMIT. Raises errors.TransactionResolutionUnknown if it came with a warning."""
        if self._warnings:
            raise errors.TransactionResolutionUnknown(f"COMMIT came with a warning: {self._warnings[-1]}")

    def stop(self) -> None:
        """Listens no more."""
        self._connection.remove_notice_handler(self._heed)

    def _heed(self, notice: errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(str(notice.message_primary))


def commit(connection: BoundedConnection) -> None:
    """COMMIT, of a transaction that has written something.

    Raises:
        errors.TransactionResolutionUnknown: It came with a warning, see `CommitWarnings`.
        psycopg.Error: The server rolled back, or does not answer: then it is not known what became of it.
    """
    warnings = CommitWarnings(connection)
    try:
        committed = connection.execute("COMMIT")
    finally:
        warnings.stop()
    if committed.statusmessage != "COMMIT":
        raise errors.TransactionRollback(f"COMMIT was answered with {committed.statusmessage}")
    warnings.refuse()
