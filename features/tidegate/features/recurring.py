"""Made-up histories that stay true as time goes by: moments that come back with a period, and events at them.

An event that is drawn at a phase of a period happens at that phase of every period. The history as of `now` holds its
last occurrence. So any window of one period holds the same number of events whenever one looks, an event keeps its id
for as long as it is the last, and a history made later repeats what the earlier one had and adds what happened since.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.events.event import EventKind
from tidegate.features.events.log import EVENT_SCHEMA

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

RECORDED_AFTER_US = 250_000
"""A made-up event is recorded this much later than it happened."""
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_DIGEST_WORDS = 4


def last_occurrences(phase_us: Ints, *, period_us: int, now_us: int) -> tuple[Ints, Ints]:
    """When each phase came last, up to and including now, and the number of its period: ids are made from that."""
    cycle = (now_us - phase_us) // period_us
    return phase_us + cycle * period_us, cycle


def digests(keys: Words) -> pa.Array:
    """64 hex digits for each key, the same for the same key; they stand for SHA-256 of contents that do not exist."""
    words = np.stack([_mixed(keys * np.uint64(_DIGEST_WORDS) + np.uint64(place)) for place in range(_DIGEST_WORDS)], 1)
    octets = words.view(np.uint8).reshape(len(keys), 8 * _DIGEST_WORDS)
    digits = np.empty((len(keys), 16 * _DIGEST_WORDS), dtype=np.uint8)
    digits[:, 0::2], digits[:, 1::2] = _HEX[octets >> 4], _HEX[octets & 15]
    offsets = np.arange(len(keys) + 1, dtype=np.int32) * digits.shape[1]
    return pa.Array.from_buffers(
        pa.string(), len(keys), [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(digits))]
    )


def joined(*parts: pa.Array | Ints | str) -> pa.Array:
    """Strings made of parts, row by row: texts, numbers, and words that are the same in every row."""
    columns = [pa.array(part).cast(pa.string()) if isinstance(part, np.ndarray) else part for part in parts]
    return pc.binary_join_element_wise(*columns, "")


def events(kinds: pa.Array | EventKind, *, occurred_us: Ints, now_us: int, **columns: Any) -> pa.Table:
    """Events in `EVENT_SCHEMA`: the columns given, and what stands for nothing in the others."""
    count = len(occurred_us)
    times = {"occurred_at_us": occurred_us, "recorded_at_us": np.minimum(occurred_us + RECORDED_AFTER_US, now_us)}
    kind = pa.array([kinds.value] * count, pa.string()) if isinstance(kinds, EventKind) else kinds
    given = {"kind": kind, **times, **columns}
    return pa.table(
        {
            field.name: _column(given[field.name], field.type) if field.name in given else _nothing(field, count)
            for field in EVENT_SCHEMA
        },
        schema=EVENT_SCHEMA,
    )


_NOTHING: Mapping[str, str | float] = {"count": 1, "points": 0.0}


def _nothing(field: pa.Field, count: int) -> pa.Array:
    if field.nullable:
        return pa.nulls(count, field.type)
    return pa.repeat(pa.scalar(_NOTHING.get(field.name, ""), field.type), count)


def _column(values: Any, kind: pa.DataType) -> Any:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _mixed(keys: Words) -> Words:
    """SplitMix64 (Steele, Lea and Flood 2014): neighbouring keys give unlike words."""
    words = keys + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
