"""PDQ hashes: what upstream publishes, what rotations do, what is not hashed."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.detectors.bank_pictures import Pixels, distance, featureless, picture
from tidegate.detectors.banks.bank import hash_of_hex
from tidegate.detectors.banks.pdq import orientations, pdq

UPSTREAM = Path(__file__).resolve().parents[3] / "shared/data/pdq"
REDUCTION_BITS = 2
"""Upstream's own test allows 16, for decoders differ. Only pictures that are reduced first differ at all here."""
with_upstream_data = pytest.mark.skipif(
    not UPSTREAM.is_dir(), reason="upstream's pictures are not part of this repository: see models/cards/image_match.md"
)


def published() -> list[tuple[str, str, int]]:
    if not UPSTREAM.is_dir():
        return []
    with (UPSTREAM / "published_vectors.csv").open(newline="") as rows:
        return [(row["file"], row["pdq_hash"], int(row["quality"])) for row in csv.DictReader(rows)]


def pixels_of(file: Path) -> Pixels:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


@with_upstream_data
@pytest.mark.parametrize(("file", "pdq_hash", "quality"), published())
def test_hashes_equal_the_published_ones(file: str, pdq_hash: str, quality: int) -> None:
    """Bit for bit where the picture is hashed as it is; within two bits where it is reduced to 512 pixels first."""
    pixels = pixels_of(UPSTREAM / file)
    seen = pdq(pixels)
    allowed = 0 if max(pixels.shape[:2]) <= 512 else REDUCTION_BITS
    assert distance(seen.hash, hash_of_hex(pdq_hash)) <= allowed
    assert seen.quality == quality


@with_upstream_data
def test_five_in_six_published_hashes_are_met_bit_for_bit() -> None:
    exact = [pdq(pixels_of(UPSTREAM / file)).hash == hash_of_hex(value) for file, value, _ in published()]
    assert (sum(exact), len(exact)) == (10, 12)


@with_upstream_data
@pytest.mark.parametrize("file", sorted((UPSTREAM / "dih").glob("bridge-[2-6]*")), ids=lambda file: file.name)
def test_upstreams_turned_pictures_are_found_by_the_orientations_and_not_by_the_upright_hash(file: Path) -> None:
    known = pixels_of(UPSTREAM / "dih/bridge-1-original.jpg")
    turned = pdq(pixels_of(file)).hash
    assert distance(pdq(known).hash, turned) > 100
    assert min(distance(each, turned) for each in orientations(known)) <= 2


REFERENCE = (
    (64, 64, "2de4da73da41f849bdc607b625be258ed21b25e570a1f81170a1ec1d52bbce70"),
    (240, 320, "8f00e44346d70fc47039f039bb2c12bc70ffc636b9739b176433875cda4c873a"),
    (512, 301, "ad15936870a02d84d27bd27b8fdf64b752ea25a664e4e42d46f3f04931f98750"),
    (33, 500, "2d148d62d2756cc4ad14933b2d8a509d52ebf803ad5578979323927739d764f9"),
    (11, 9, "c4b8037e31e60c9ab1e68f1c4e19b365de09f4813b47c368ae1dbd8591edac95"),
)
"""Height, width and the hash that Meta's C++ (package pdqhash 0.2.8) gives of `picture(row)`, each of quality 100."""


@pytest.mark.parametrize("seed", range(len(REFERENCE)))
def test_the_reference_gives_the_same_bits(seed: int) -> None:
    height, width, expected = REFERENCE[seed]
    seen = pdq(picture(seed, height=height, width=width))
    assert (seen.hash.hex(), seen.quality) == (expected, 100)


def test_the_orientations_of_a_picture_are_the_hashes_of_the_turned_pictures() -> None:
    pixels = picture(1)
    turned = [np.ascontiguousarray(np.rot90(side, k)) for side in (pixels, pixels[:, ::-1]) for k in range(4)]
    hashes = {pdq(each).hash for each in turned}
    assert len(hashes) == 8
    assert max(min(distance(known, each) for known in orientations(pixels)) for each in hashes) <= 2
    assert orientations(pixels)[0] == pdq(pixels).hash


def test_a_smaller_and_recompressed_copy_is_within_the_default_threshold(tmp_path: Path) -> None:
    pixels = picture(2, height=600, width=800)
    Image.fromarray(pixels).resize((300, 225)).save(tmp_path / "copy.jpg", quality=40)
    copy = pixels_of(tmp_path / "copy.jpg")
    assert distance(pdq(pixels).hash, pdq(copy).hash) <= 31
    assert distance(pdq(pixels).hash, pdq(picture(3)).hash) > 64


@pytest.mark.parametrize("shape", [(1, 20_000), (20_000, 1), (4, 4), (1, 1)])
def test_a_picture_too_thin_to_hash_is_featureless(shape: tuple[int, int]) -> None:
    pixels = picture(4, height=shape[0], width=shape[1])
    assert (pdq(pixels).quality, pdq(pixels).featureless) == (0, True)
    assert orientations(pixels) == (pdq(pixels).hash,)


def test_a_grey_wall_is_featureless_and_a_patchwork_is_not() -> None:
    assert pdq(featureless()).featureless
    assert not pdq(picture(5)).featureless


@pytest.mark.parametrize(
    "pixels", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3), np.float32)]
)
def test_anything_but_rgb_bytes_is_refused(pixels: Pixels) -> None:
    with pytest.raises(ValueError, match="uint8 of"):
        pdq(pixels)


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "a" * 63, "a" * 65, " " + "a" * 63, "a" * 64 + "\n"])
def test_only_64_hexadecimal_digits_are_a_hash(text: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        hash_of_hex(text)
