"""Pictures and hashes for tests of banks, made from seeds."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def picture(seed: int, *, height: int = 240, width: int = 320) -> Pixels:
    """A soft patchwork, unlike that of any other seed; PDQ quality 100."""
    patches = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC))


def featureless(*, height: int = 240, width: int = 320) -> Pixels:
    """A grey wall; PDQ quality 0."""
    return np.full((height, width, 3), 128, dtype=np.uint8)


def random_hash(seed: int) -> bytes:
    """256 random bits."""
    return np.random.default_rng(seed).bytes(32)


def flipped(hash_: bytes, bits: int, *, seed: int = 0) -> bytes:
    """The hash with so many bits turned."""
    turned = np.unpackbits(np.frombuffer(hash_, dtype=np.uint8))
    turned[np.random.default_rng(seed).choice(256, bits, replace=False)] ^= 1
    return np.packbits(turned).tobytes()


def distance(one: bytes, other: bytes) -> int:
    """Bits that differ, counted in another way than the index counts them."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
