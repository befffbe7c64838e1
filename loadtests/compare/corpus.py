"""What is asked: items of text that never repeat, so that no cache of answers decides a comparison.

Built before the clock starts and kept as bytes. Accounts are drawn with a long tail (Zipf), as on a real platform.
"""

import random
from bisect import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb

UNKNOWN_EVERY = 20
"""One in so many items is of an account that the store does not know."""
FOREIGN_EVERY = 25
"""One in so many texts is German: no detector in use was trained for it."""
BUDGET_S = 20
"""Long enough that nothing is cut short: slowness shall show as latency, and never as a thinner answer."""

MARKETS = ("SE", "DE", "US", "BR", "IN", "JP")
CHEAP, REAL = content_pb2.SURFACE_COMMENT, content_pb2.SURFACE_PROFILE
"""The surfaces of `policies/overhead.yaml` and `policies/real_text.yaml`."""

_WORDS, _SPAM, _GERMAN = map(str.split, Path(__file__).with_name("words.txt").read_text().splitlines())


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to ask about."""

    text: str
    """Six to thirty words."""
    account: str
    """Who wrote it."""
    market: str
    """Where it is to be seen."""


def items(seed: int, *, accounts: int) -> Iterator[Item]:
    """Endless; the same for the same seed. `accounts` are known to the online store, from `acct-00001` on."""
    drawn = random.Random(seed)  # noqa: S311 - for repeatable load, not for secrets
    weights = [*accumulate(1.0 / rank for rank in range(1, accounts + 1))]
    number = 0
    while True:
        number += 1
        account = bisect(weights, drawn.random() * weights[-1]) + 1
        known = f"acct-{account:05d}" if number % UNKNOWN_EVERY else f"nobody-{drawn.getrandbits(40)}"
        yield Item(_text(drawn, number), known, drawn.choice(MARKETS))


def requests(seed: int, *, accounts: int, surface: "content_pb2.Surface.ValueType") -> Iterator[pb.ModerateRequest]:
    """Requests about these items, all on one surface."""
    for number, item in enumerate(items(seed, accounts=accounts)):
        yield message(item, f"c-{seed}-{number}", surface)


def unary(asked: Iterable[pb.ModerateRequest]) -> Iterator[bytes]:
    """For `Moderate`, encoded."""
    for request in asked:
        yield request.SerializeToString()


def streamed(asked: Iterable[pb.ModerateRequest]) -> Iterator[bytes]:
    """For `ModerateStream`, encoded; the correlation id is the position."""
    for number, request in enumerate(asked):
        yield pb.ModerateStreamRequest(correlation_id=str(number), request=request).SerializeToString()


def message(item: Item, content_id: str, surface: "content_pb2.Surface.ValueType") -> pb.ModerateRequest:
    """The request about an item."""
    request = pb.ModerateRequest(
        item=content_pb2.ContentItem(
            content_id=content_id,
            account_id=item.account,
            surface=surface,
            market=item.market,
            parts=[content_pb2.ContentPart(id="text", text=content_pb2.TextPart(text=item.text))],
        )
    )
    request.budget.FromSeconds(BUDGET_S)
    return request


def _text(drawn: random.Random, number: int) -> str:
    words = _GERMAN if number % FOREIGN_EVERY == 0 else _WORDS
    chosen = drawn.choices(words, k=drawn.randint(6, 30))
    if number % 10 == 0:
        chosen += drawn.sample(_SPAM, 6)
    return " ".join(chosen)
