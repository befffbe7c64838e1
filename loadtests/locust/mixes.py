"""What share of the traffic is what."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.api.moderation.v1 import content_pb2


@dataclass(frozen=True, slots=True)
class Mix:
    """A product's traffic."""

    name: str
    """What `--mix` calls it."""
    surfaces: "Mapping[content_pb2.Surface.ValueType, float]"
    """Weight of each surface."""
    picture_share: float
    """Share of profiles and playlists that come with a picture."""
    repeated_share: float
    """Share of comments whose text many others wrote too, word by word: what a score cache answers."""
    borderline_share: float = 0.03
    """Share of texts that some policies mind."""
    words_median: float = 9
    """Median length of a comment; lengths are log-normal."""
    words_sigma: float = 0.8
    """Standard deviation of the logarithm of the length."""
    words_most: int = 250
    """Longest comment."""
    known_accounts: int = 2_000
    """`acct-00001` and so on, as `tidegate up` generates them; the first write most."""
    account_skew: float = 1.0
    """Exponent of the Zipf law of accounts."""
    unknown_share: float = 0.05
    """Share of items from accounts that nothing is known of."""


_COMMENT, _PROFILE = content_pb2.SURFACE_COMMENT, content_pb2.SURFACE_PROFILE
_PLAYLIST, _EPISODE = content_pb2.SURFACE_PLAYLIST, content_pb2.SURFACE_PODCAST_EPISODE

MIXES: Mapping[str, Mix] = {
    mix.name: mix
    for mix in (
        Mix("comments", {_COMMENT: 1}, picture_share=0, repeated_share=0.15),
        Mix(
            "mixed",
            {_COMMENT: 82, _PROFILE: 6, _PLAYLIST: 10, _EPISODE: 2},
            picture_share=0.25,
            repeated_share=0.15,
        ),
    )
}
"""By name. `comments` is text alone, so that a ratio of latencies is the service's, not the mix's; `mixed` is all."""
