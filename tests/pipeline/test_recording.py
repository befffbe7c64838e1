"""Decision ids: unique, sortable by time, and version 7 of RFC 9562."""

import uuid

from tidegate.pipeline.recording import Uuid7Ids


def test_ids_are_unique_and_of_version_7_beyond_one_draw_of_randomness() -> None:
    new_id = Uuid7Ids()
    ids = [new_id() for _ in range(1_000)]
    assert len(set(ids)) == len(ids)
    assert {(one.version, one.variant) for one in map(uuid.UUID, ids)} == {(7, uuid.RFC_4122)}


def test_ids_sort_by_the_millisecond_they_were_made_in() -> None:
    new_id = Uuid7Ids()
    made = [int(new_id()[:12], 16) for _ in range(1_000)]
    assert made == sorted(made)
