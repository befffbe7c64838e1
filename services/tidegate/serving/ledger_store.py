"""Which ledger the settings name: to record in, to look back at, to follow. Loads PostgreSQL's driver only for that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.ledger.archive import LedgerPlace
from tidegate.ledger.port import DecisionLedger
from tidegate.ledger.sqlite_place import SqlitePlace
from tidegate.serving.connection_uri import rereading
from tidegate.serving.settings import LedgerStore, Settings, SettingsError
from tidegate.telemetry.pressure import LedgerMetrics

if TYPE_CHECKING:
    from tidegate.ledger.postgres_place import PostgresPlace


def decision_ledger(settings: Settings, metrics: LedgerMetrics | None = None) -> DecisionLedger:
    """The decision ledger. Opens nothing.

    Args:
        settings: All settings.
        metrics: Told of transactions and of who waits; None tells nobody.

    Raises:
        SettingsError: The settings name no database.
    """
    timeout_s = settings.ledger.timeout_ms / 1000.0
    if settings.ledger.store is LedgerStore.SQLITE:
        from tidegate.ledger.sqlite_adapter import SqliteLedger  # noqa: PLC0415 - only what is used

        return SqliteLedger(settings.ledger_path, timeout_s=timeout_s, metrics=metrics)
    from tidegate.ledger.postgres_adapter import PostgresLedger  # noqa: PLC0415 - as above

    target = postgres_place(settings.ledger_dsn(), current_dsn=rereading(settings.ledger_dsn)).target
    return PostgresLedger(target, timeout_s=timeout_s, metrics=metrics)


def ledger_place(settings: Settings) -> LedgerPlace:
    """The same ledger, for those who look back and who follow. Opens nothing.

    Raises:
        SettingsError: The settings name no database.
    """
    if settings.ledger.store is LedgerStore.SQLITE:
        return SqlitePlace(settings.ledger_path)
    return postgres_place(settings.ledger_dsn(), current_dsn=rereading(settings.ledger_dsn))


def unverified_ledger(settings: Settings) -> str | None:
    """What is not sure about connections to the ledger, and what to set; None if nothing is missing.

    Raises SettingsError if the settings name no database.
    """
    if settings.ledger.store is LedgerStore.SQLITE:
        return None
    return postgres_place(settings.ledger_dsn()).unverified()


def postgres_place(dsn: str, *, current_dsn: Callable[[], str | None] | None = None) -> "PostgresPlace":
    """A ledger in PostgreSQL. Raises SettingsError, which does not repeat the text, if it names no database.

    Args:
        dsn: Its connection URI.
        current_dsn: Gives it as it is when somebody connects; None stays with `dsn`.
    """
    from tidegate.ledger.postgres_place import PostgresPlace  # noqa: PLC0415 - as above
    from tidegate.postgres.connection import DsnError, PostgresTarget  # noqa: PLC0415 - only what is used

    try:
        return PostgresPlace(PostgresTarget(dsn, current_dsn))
    except DsnError as error:
        raise SettingsError(f"the ledger's connection URI {error}") from error


@dataclass(frozen=True, slots=True)
class ConfiguredLedger:
    """The ledger of the settings, as the default of an option: resolved when used, and without secrets as text."""

    settings: Settings
    """In force."""

    def __str__(self) -> str:
        """Which one."""
        if self.settings.ledger.store is LedgerStore.SQLITE:
            return str(self.settings.ledger_path)
        return "the PostgreSQL database of the settings"

    def place(self) -> LedgerPlace:
        """Where it is. Raises SettingsError."""
        return ledger_place(self.settings)
