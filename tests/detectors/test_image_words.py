"""Reading words: what is found, in which order, and within which bounds. The models are the packaged ones."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from tests.detectors.image_samples import lettering, picture
from tidegate.detectors.images import words
from tidegate.detectors.images.cover_art import cover
from tidegate.detectors.images.decoding import Pixels
from tidegate.detectors.images.reading_order import Piece, height_of, level, rows
from tidegate.detectors.images.reading_quality import accuracy
from tidegate.detectors.images.words import WordReader, scaled
from tidegate.models.catalogue import specification
from tidegate.moderation.budget import Budget

LONG = Budget(math.inf)
SHAPES = [(1, 20_000), (20_000, 1), (1, 1), (4_000, 3_000), (30, 2_000), (2_000, 30), (100, 100), (640, 640), (11, 700)]


@pytest.fixture(scope="module")
def reader() -> WordReader:
    return WordReader(specification("image_text", "1"))


def pixels(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"))


def test_lines_are_read_from_top_to_bottom(reader: WordReader) -> None:
    found = reader.read([pixels(lettering("Midnight Ferry\nthe long way home"))], LONG).text
    assert found.casefold() == "midnight ferry\nthe long way home"


def test_a_picture_without_letters_has_no_words(reader: WordReader) -> None:
    assert reader.read([pixels(picture(width=500, height=500))], LONG).text == ""


def test_of_several_frames_equal_lines_are_read_once(reader: WordReader) -> None:
    frames = [pixels(lettering(text)) for text in ("one song", "one song\nanother line", "one song")]
    assert reader.read(frames, LONG).text.casefold().split("\n") == ["one song", "another line"]


def test_small_and_large_pictures_are_read_alike(reader: WordReader) -> None:
    small = lettering("Paper Lanterns", size=26, width=260, height=120)
    large = lettering("Paper Lanterns", size=300, width=3_000, height=2_000)
    for image in (small, large):
        assert accuracy(reader.read([pixels(image)], LONG).text, "Paper Lanterns") > 0.9


def test_pieces_read_with_less_confidence_than_asked_are_left_out() -> None:
    strict = WordReader(specification("image_text", "1"), least_confidence=1.1)
    frame = pixels(lettering("Midnight Ferry"))
    assert strict.pieces(frame, LONG).found
    assert strict.read([frame], LONG).text == ""


def test_once_the_budget_is_gone_reading_ends_before_the_pieces(reader: WordReader) -> None:
    with pytest.raises(TimeoutError):
        reader.read([pixels(lettering("Midnight Ferry"))], Budget.of_ms(0))


def test_no_more_pieces_are_read_than_allowed(reader: WordReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest letters first: what is written small in a crowd is what goes unread."""
    monkeypatch.setattr(words, "_MOST_PIECES", 2)
    image = lettering("LARGE WORDS\n\n\nmore of them", size=70)
    image.paste(lettering("tiny", size=18, width=120, height=90), (40, 520))
    found = reader.read([pixels(image)], LONG)
    assert "large" in found.text.casefold()
    assert "tiny" not in found.text.casefold()
    assert not found.whole


def test_one_crowded_frame_of_several_leaves_the_whole_partly_unread(
    reader: WordReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "_MOST_PIECES", 1)
    plain, crowded = pixels(lettering("one line")), pixels(lettering("three\n\nother\n\nlines"))
    assert reader.read([plain, plain], LONG).whole
    assert not reader.read([crowded, plain], LONG).whole
    assert not reader.read([plain, crowded], LONG).whole


@pytest.mark.parametrize(("width", "height", "whole"), [(4, 400, True), (400, 8, True), (40, 6_000, False)])
def test_a_strip_too_slim_to_be_scaled_down_is_unread_and_not_empty(
    reader: WordReader, width: int, height: int, whole: bool
) -> None:
    """The first two are too slim for letters at any scale."""
    found = reader.read([np.full((height, width, 3), 90, dtype=np.uint8)], LONG)
    assert (found.text, found.whole) == ("", whole)


@pytest.mark.parametrize(("width", "height"), SHAPES)
def test_what_the_network_sees_is_bounded_whatever_the_shape(width: int, height: int) -> None:
    made = scaled(np.zeros((height, width, 3), dtype=np.uint8))
    if made is None:
        assert min(width, height) < 30
        return
    assert max(made.shape[:2]) <= 960
    assert min(made.shape[:2]) >= 64


@pytest.mark.parametrize(("width", "height"), SHAPES)
def test_every_shape_can_be_read(reader: WordReader, width: int, height: int) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert isinstance(reader.read([noise], LONG).text, str)


def test_pieces_of_a_row_are_joined_from_left_to_right() -> None:
    def piece(text: str, left: float, middle: float, height: float = 20) -> Piece:
        return Piece(text, confidence=1.0, left=left, middle=middle, height=height)

    found = rows([piece("below", 0, 60), piece("right", 200, 13), piece("left", 10, 10), piece("tall", 5, 120, 60)])
    assert found == ["left right", "below", "tall"]
    assert rows([]) == []


@pytest.mark.parametrize("degrees", [-10, -4, 0, 4, 10])
def test_a_tilted_row_is_still_a_row(degrees: float) -> None:
    """Of words far apart in a tilted line, the right one may lie higher than a whole line."""
    tilt = np.radians(degrees)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    corners = [((0, 0), (90, 20)), ((300, 0), (390, 20)), ((0, 40), (200, 60))]
    boxes = [np.array([(x, y), (u, y), (u, v), (x, v)], dtype=np.float32) @ turn for (x, y), (u, v) in corners]
    turned = level([np.asarray(box, dtype=np.float32) for box in boxes])
    pieces = [
        Piece(text, 1.0, left=float(box[0, 0]), middle=float(box[:, 1].mean()), height=height_of(box))
        for text, box in zip(("Summer", "Lights", "below"), turned, strict=True)
    ]
    assert rows(pieces) == ["Summer Lights", "below"]


def test_accuracy_counts_edits_per_written_character() -> None:
    assert accuracy("Midnight Ferry", "midnight ferry") == 1.0
    assert accuracy("midnightferry", "Midnight Ferry") == 1.0
    assert accuracy("", "abcd") == 0.0
    assert accuracy("abxd", "abcd") == 0.75
    assert accuracy("completely other and much longer", "abcd") == 0.0


def test_a_generated_cover_is_the_same_each_time_and_holds_its_words(reader: WordReader, tmp_path: Path) -> None:
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    source = tmp_path / "font.ttf"
    source.write_bytes(font.font_bytes)
    first, second = (cover(1, fonts=[source]) for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels)
    assert first.pixels.shape == (first.side, first.side, 3)
    assert accuracy(reader.read([first.pixels], LONG).text, "\n".join(first.lines)) > 0.5
