"""Which store of hash banks the settings name: to change, to search, to make. Loads PostgreSQL's driver only for that.

Who changes banks (HashBankService, in routers) and who searches them (the image stage) each have one of their own.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tidegate.detectors.banks.errors import BanksUnavailable
from tidegate.detectors.banks.matcher import BankMatcher
from tidegate.detectors.banks.port import HashBanks
from tidegate.detectors.banks.sqlite_adapter import SqliteBanks
from tidegate.serving.connection_uri import rereading
from tidegate.serving.settings import BankStore, Settings, SettingsError

if TYPE_CHECKING:
    from tidegate.postgres.connection import PostgresTarget

PATIENCE_S: Final = 0.25
"""How long a picture waits for a store that is locked, slow or away."""


class BankStoreError(Exception):
    """The store can't be made. The message is for people, and holds no secret."""


def hash_banks(settings: Settings) -> HashBanks:
    """The banks. Opens nothing. Raises SettingsError if the settings name no database."""
    if settings.banks.store is BankStore.SQLITE:
        return SqliteBanks(settings.banks_path)
    return _postgres(settings)


def bank_matcher(settings: Settings) -> BankMatcher:
    """The detector `image_match`. Opens nothing. Raises SettingsError if the settings name no database."""
    if settings.banks.store is BankStore.SQLITE:
        return BankMatcher(SqliteBanks(settings.banks_path, timeout_s=PATIENCE_S))
    return BankMatcher(_postgres(settings), patience_s=PATIENCE_S, max_age_s=settings.banks.max_age_s)


def bank_place(settings: Settings) -> str:
    """Where they are, for people: without user and password. Raises SettingsError if the settings name no database."""
    if settings.banks.store is BankStore.SQLITE:
        return str(settings.banks_path)
    return str(_target(settings))


def unverified_banks(settings: Settings) -> str | None:
    """What is not sure about connections to the store, and what to set; None if nothing is missing.

    Raises SettingsError if the settings name no database.
    """
    if settings.banks.store is BankStore.SQLITE:
        return None
    from tidegate.postgres.transport import unverified  # noqa: PLC0415 - only what is used

    return unverified(_target(settings), whose="the hash banks'")


def make_banks(settings: Settings, *, warned: Callable[[str], None] | None = None) -> None:
    """Makes the store, with the default bank, or brings its tables to this version. Safe while it is used.

    Args:
        settings: They name it.
        warned: Told, before anything is changed, which releases can't use it afterwards; None logs it. Told first if
            connections to it are not verified.

    Raises:
        SettingsError: The settings name no database.
        BankStoreError: It can't be used.
    """
    if settings.banks.store is BankStore.SQLITE:
        try:
            hash_banks(settings).banks()
        except BanksUnavailable as error:
            raise BankStoreError(
                f"The hash banks in {settings.banks_path} can't be used: {error.__cause__}."
            ) from error
        return
    import psycopg  # noqa: PLC0415 - only what is used

    from tidegate.detectors.banks.postgres_schema import migrate  # noqa: PLC0415 - as above
    from tidegate.postgres.connection import said  # noqa: PLC0415 - as above

    target = _target(settings)
    if warned is not None and (missing := unverified_banks(settings)):
        warned(missing)
    try:
        migrate(target, warned=warned)
    except psycopg.Error as error:
        raise BankStoreError(f"The hash banks in {target} can't be used: {said(error)}.") from error


def _postgres(settings: Settings) -> HashBanks:
    from tidegate.detectors.banks.postgres_adapter import PostgresBanks  # noqa: PLC0415 - only what is used

    return PostgresBanks(_target(settings), timeout_s=settings.banks.timeout_ms / 1000.0)


def _target(settings: Settings) -> "PostgresTarget":
    from tidegate.postgres.connection import DsnError, PostgresTarget  # noqa: PLC0415 - only what is used

    try:
        return PostgresTarget(settings.banks_dsn(), rereading(settings.banks_dsn))
    except DsnError as error:
        raise SettingsError(f"the hash banks' connection URI {error}") from error
