"""What is told of a connection URI holds no part of its password, however the URI was written."""

from urllib.parse import quote

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.cli.main import main
from tidegate.postgres.connection import DsnError, PostgresTarget

PLACE = "postgresql://db.internal:5432/tidegate"
TYPED = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=24)
"""What people type as a password, and mostly forget to encode."""
TELLING = st.text("@/:?#[]%&=,;a1", min_size=1, max_size=12)
"""Mostly what means something in a URI."""


@given(password=TYPED | TELLING, user=st.sampled_from(["led", "led:", "led@", "l/d"]))
@example(password="p@w/3", user="led")
@example(password="5/w@x", user="led")
@example(password="5?sslmode=w", user="led")
def test_a_password_that_was_not_encoded_shows_in_nothing(password: str, user: str) -> None:
    """Either libpq reads the URI as it was meant, or it is refused in one of two fixed sentences."""
    try:
        target = PostgresTarget(f"postgresql://{user}:{password}@db.internal:5432/tidegate")
    except DsnError as refusal:
        told = str(refusal)
    else:
        told = str(target)
    assert told in {PLACE, refused("postgresql://u:p@w@h/d"), refused("nonsense")}


@given(password=TYPED | TELLING)
def test_a_password_that_was_encoded_is_taken(password: str) -> None:
    assert str(PostgresTarget(f"postgres://led:{quote(password, safe='')}@db.internal/tidegate")) == PLACE


def test_a_password_where_a_port_belongs_is_refused() -> None:
    """`@host` was forgotten. libpq would quote it in an error as a port."""
    assert refused("postgresql://led:hush") == refused("postgresql://u:p@w@h/d")


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://db.internal/tidegate",
        "postgresql:///tidegate?host=db.internal",
        "postgresql://led:p:w@db.internal:5432/tidegate?sslmode=require",
        "host=db.internal dbname=tidegate password='p@w/3'",
    ],
)
def test_other_forms_stay_as_they_were(dsn: str) -> None:
    assert str(PostgresTarget(dsn)) == PLACE


def test_several_hosts_stay_several() -> None:
    assert str(PostgresTarget("postgresql://led:pw@a:1,b:2/d")) == "postgresql://a,b:1,2/d"


@pytest.mark.parametrize("command", ["verify", "stats", "migrate"])
def test_a_command_says_what_to_encode(command: str) -> None:
    """It was: The ledger in postgresql://w:5432/3@127.0.0.1:5/d can't be read."""
    result = CliRunner().invoke(main, ["ledger", command, "--ledger", "postgresql://led:p@hush/3f9a@127.0.0.1:5/d"])
    assert result.exit_code == 1
    assert "`@` (%40), `/` (%2F), `:` (%3A)" in result.output
    assert not [part for part in ("hush", "3f9a", "127") if part in result.output]


def refused(dsn: str) -> str:
    with pytest.raises(DsnError) as refusal:
        PostgresTarget(dsn)
    return str(refusal.value)
