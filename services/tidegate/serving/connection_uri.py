"""A connection URI that may change while we run, as that of a mounted secret does."""

from collections.abc import Callable

from tidegate.serving.settings import SettingsError


def rereading(read: Callable[[], str]) -> Callable[[], str | None]:
    """Reads a connection URI of the settings once more; None while it can't be read, as while a secret is replaced."""

    def now() -> str | None:
        try:
            return read()
        except SettingsError:
            return None

    return now
