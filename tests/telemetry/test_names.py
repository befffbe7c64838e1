"""The declared names are a contract with dashboards, and the list of attributes is what may leave the process."""

from enum import StrEnum

import pytest

from tidegate.telemetry.names import Attribute, MetricName, SpanName


@pytest.mark.parametrize("names", [SpanName, Attribute, MetricName])
def test_every_name_is_declared_once(names: type[StrEnum]) -> None:
    """An enum would fold two members of one value into an alias without a word."""
    assert len(names.__members__) == len(list(names))


def test_no_attribute_identifies_an_account_or_a_piece_of_content() -> None:
    for attribute in Attribute:
        words = set(attribute.replace(".", "_").split("_"))
        assert words.isdisjoint({"account", "content", "user", "author"}), attribute
    assert {name for name in Attribute if name.endswith(".id")} == {"tidegate.policy.id"}


def test_our_spans_are_told_from_others_by_their_prefix() -> None:
    assert all(name.startswith("tidegate.") for name in SpanName)
