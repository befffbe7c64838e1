"""Every kind of file has a defined result, in bounded memory."""

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.detectors.image_samples import animation, encoded, halves, mean_colour, picture
from tidegate.detectors.images.decoding import Pixels, UnreadableImageError, decode
from tidegate.detectors.images.limits import ImageLimits

LIMITS = ImageLimits()
ORIENTATION = 0x0112


def only(data: bytes, limits: ImageLimits = LIMITS) -> Pixels:
    (frame,) = decode(data, limits).frames
    assert frame.dtype == np.uint8
    assert frame.ndim == 3
    assert frame.shape[2] == 3
    return frame


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_each_format_gives_the_picture_as_rgb(kind: str) -> None:
    found = only(encoded(halves((250, 10, 10), (10, 10, 250)), kind))
    assert found.shape == (40, 80, 3)
    assert mean_colour(found[:, :30]) == pytest.approx((250, 10, 10), abs=6)
    assert mean_colour(found[:, 50:]) == pytest.approx((10, 10, 250), abs=6)


def test_cmyk_becomes_the_colours_that_a_viewer_shows() -> None:
    found = only(encoded(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG", quality=95))
    assert mean_colour(found) == pytest.approx((255, 0, 0), abs=8)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (20_000, 78), (40_000, 156), (65_535, 255)])
def test_16_bits_are_scaled_and_not_clipped(value: int, expected: int) -> None:
    found = only(encoded(Image.fromarray(np.full((20, 20), value, dtype=np.uint16))))
    assert mean_colour(found) == (expected,) * 3


def test_a_16_bit_colour_png_is_scaled_too() -> None:
    row = b"\0" + struct.pack(">3H", 65_535, 0, 32_768) * 4
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(row * 4)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    assert mean_colour(only(data)) == pytest.approx((255, 0, 128), abs=1)


def test_grey_and_one_bit_become_rgb() -> None:
    assert mean_colour(only(encoded(Image.new("L", (10, 10), 90)))) == (90, 90, 90)
    assert mean_colour(only(encoded(Image.new("1", (10, 10), 1)))) == (255, 255, 255)


def test_a_palette_is_resolved() -> None:
    assert mean_colour(only(encoded(Image.new("RGB", (30, 30), (200, 30, 60)).quantize(8)))) == (200, 30, 60)


@pytest.mark.parametrize("shade", [0, 255])
def test_what_is_drawn_on_transparency_stays_visible_in_black_as_in_white(shade: int) -> None:
    found = only(encoded(halves((shade, shade, shade, 255), (shade, shade, shade, 0))))
    drawn, around = int(found[:, :40].mean()), int(found[:, 40:].mean())
    assert drawn == shade
    assert abs(drawn - around) > 100


def test_a_transparent_palette_entry_counts_as_transparent() -> None:
    made = Image.new("P", (30, 30), 0)
    made.putpalette([255, 255, 255, 0, 0, 0])
    assert mean_colour(only(encoded(made, "GIF", transparency=0))) == (127, 127, 127)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_middle_and_last_frames_are_seen(kind: str) -> None:
    colours = ["#ff0000", "#ffff00", "#00ff00", "#00ffff", "#0000ff"]
    found = [mean_colour(frame) for frame in decode(animation(colours, kind), LIMITS).frames]
    for frame, expected in zip(found, [(255, 0, 0), (0, 255, 0), (0, 0, 255)], strict=True):
        assert frame == pytest.approx(expected, abs=12)


def test_equal_frames_are_seen_once() -> None:
    frames = [Image.new("RGB", (60, 50), "red").copy() for _ in range(3)]
    frames[1].putpixel((0, 0), (0, 0, 255))
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert len(decode(data, LIMITS).frames) == 2


def test_of_a_long_animation_no_more_is_decoded_than_allowed() -> None:
    colours = ["#ff0000", "#00ff00", "#0000ff", "#ffffff"]
    within = replace(LIMITS, max_animation_pixels=2 * 60 * 50)
    cut = decode(animation(colours), within)
    assert [mean_colour(frame) for frame in cut.frames] == [(255, 0, 0), (0, 255, 0)]
    assert not cut.whole
    assert decode(animation(colours), LIMITS).whole
    assert decode(animation(colours[:2]), within).whole


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, (0, 0)), (2, (0, 1)), (3, (1, 1)), (4, (1, 0)), (5, (0, 0)), (6, (0, 1)), (7, (1, 1)), (8, (1, 0))],
)
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_the_picture_stands_upright(orientation: int, corner: tuple[int, int], kind: str) -> None:
    """The stored picture has its white corner at the upper left; the orientation says where a viewer shows it."""
    made = Image.new("RGB", (96, 48))
    made.paste((255, 255, 255), (0, 0, 24, 24))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    found = only(encoded(made, kind, exif=exif))
    assert found.shape[:2] == ((96, 48) if orientation >= 5 else (48, 96))
    edge = [slice(0, 12), slice(-12, None)]
    assert found[edge[corner[0]], edge[corner[1]]].mean() > 200


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's, once per process where warnings are not errors
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"garbage"])
def test_broken_exif_does_not_cost_the_picture(exif: bytes) -> None:
    assert only(encoded(picture(), "JPEG", exif=exif)).shape == (240, 320, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_truncated_file_is_unreadable(kind: str, share: float) -> None:
    data = encoded(picture(), kind)
    with pytest.raises(UnreadableImageError):
        decode(data[: int(len(data) * share)], LIMITS)


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 1000, b"\xff\xd8\xff", b"GIF89a", b"<svg/>", b"\x89PNG\r\n\x1a\n", b"BM" * 99]
)
def test_what_is_no_image_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        decode(data, LIMITS)


def test_other_formats_are_unreadable() -> None:
    with pytest.raises(UnreadableImageError):
        decode(encoded(picture(), "BMP"), LIMITS)


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (0, 0)])
def test_an_image_without_pixels_is_unreadable(size: tuple[int, int]) -> None:
    with pytest.raises(UnreadableImageError):
        decode(resized_header(*size), LIMITS)


def resized_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is of this size."""
    png = bytearray(encoded(Image.new("1", (64, 64))))
    png[16:24] = struct.pack(">II", width, height)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    return bytes(png)


@pytest.mark.parametrize("side", [7_000, 20_000])
def test_a_decompression_bomb_is_unreadable_before_it_is_decoded(side: int) -> None:
    """A few kilobytes that say 49 or 400 million pixels; Pillow warns of the first kind and refuses the second."""
    with pytest.raises(UnreadableImageError):
        decode(resized_header(side, side), LIMITS)


def test_one_pixel_more_than_allowed_is_unreadable() -> None:
    data = encoded(picture(width=100, height=50))
    assert only(data, replace(LIMITS, max_pixels=5_000)).shape == (50, 100, 3)
    with pytest.raises(UnreadableImageError):
        decode(data, replace(LIMITS, max_pixels=4_999))


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (1, 1)])
def test_extreme_shapes_are_decoded(size: tuple[int, int]) -> None:
    assert only(encoded(Image.new("RGB", size, (9, 8, 7)))).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_30_megapixels_are_kept_at_a_size_that_is_enough(kind: str) -> None:
    made = Image.new("RGB", (6_000, 5_000), (200, 100, 50))
    made.paste((0, 0, 0), (0, 0, 3_000, 5_000))
    found = only(encoded(made, kind))
    height, width = found.shape[:2]
    assert 1_000_000 <= width * height <= LIMITS.max_kept_pixels
    assert width / height == pytest.approx(1.2, abs=0.01)
    assert mean_colour(found[:, : width // 2 - 5]) == pytest.approx((0, 0, 0), abs=3)
    assert mean_colour(found[:, width // 2 + 5 :]) == pytest.approx((200, 100, 50), abs=3)


def test_a_jpeg_with_thousands_of_scans_is_unreadable_before_it_is_decoded() -> None:
    """Each scan passes over the whole picture: a small progressive file can keep a core busy for minutes."""
    data = encoded(picture(), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    assert only(data).shape == (240, 320, 3)
    with pytest.raises(UnreadableImageError, match="scans"):
        decode(data[:start] + data[start:-2] * 200 + data[-2:], LIMITS)


WHOLE = {kind: encoded(picture(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF")} | {
    "animated": animation(["red", "green", "blue"]),
    "animated webp": animation(["red", "green", "blue"], "WEBP"),
    "exif": encoded(
        picture(), "JPEG", exif=bytes.fromhex("4578696600004d4d002a00000008000101120003000000010006000000000000")
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4))))
def test_a_damaged_file_is_decoded_or_unreadable_and_nothing_else(
    kind: str, damages: list[tuple[float, bytes]]
) -> None:
    data = bytearray(WHOLE[kind])
    for place, new in damages:
        start = int(place * len(data))
        data[start : start + len(new)] = new
    try:
        frames = decode(bytes(data), LIMITS).frames
    except UnreadableImageError:
        return
    assert all(frame.dtype == np.uint8 and frame.ndim == 3 for frame in frames)


def test_the_exif_sample_is_a_picture_on_its_side() -> None:
    with Image.open(io.BytesIO(WHOLE["exif"])) as image:
        assert image.getexif()[ORIENTATION] == 6
    assert only(WHOLE["exif"]).shape == (320, 240, 3)
