"""Account keys against Feast's own."""

import pytest
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from hypothesis import given
from hypothesis import strategies as st

from tidegate.features import entity_keys
from tidegate.features.entity_keys import EntityKeys, KeyEncodingError

VERSION = 3


@given(st.text(max_size=200))
def test_a_key_is_feasts_own(account_id: str) -> None:
    theirs = EntityKey(join_keys=["account_id"], entity_values=[Value(string_val=account_id)])
    assert EntityKeys(VERSION).key(account_id) == serialize_entity_key(theirs, entity_key_serialization_version=VERSION)


def test_another_encoding_is_refused_and_never_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is slightly wrong would read as an account that nothing is known of."""
    monkeypatch.setattr(entity_keys, "serialize_entity_key", lambda key, **_: key.SerializeToString() + b"!")
    with pytest.raises(KeyEncodingError, match="version 3"):
        EntityKeys(VERSION)
