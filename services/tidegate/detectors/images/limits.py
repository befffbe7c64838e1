"""How much of an image is looked at: what bounds memory and time of the image detectors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Bounds of one image, and of how many are worked on at a time.

    Decoding holds up to about 8 bytes per pixel of a file, so the peak is `decoding_threads` times 8 times
    `max_pixels`, and beside it 3 bytes per pixel of each kept frame.
    """

    max_pixels: int = 40_000_000
    """Width times height as the file says; a larger one is UNREADABLE. The ingress refuses at its own limit before."""
    max_kept_pixels: int = 4_000_000
    """Pixels of a kept frame; a larger one is reduced by a whole factor, each pixel the mean of those it replaces."""
    max_animation_pixels: int = 120_000_000
    """Pixels decoded of an animation over all frames, as a frame needs those before it. What is later is UNREADABLE,
    beside what was found before."""
    max_scans: int = 100
    """Scans of a progressive JPEG, each of which passes over the whole picture; encoders make about ten."""
    decoding_threads: int = 2
    """Files decoded at a time."""
    images_at_a_time: int = 8
    """Images held decoded. More wait, encoded, within their budgets."""
    calls_at_a_time: int = 4
    """Calls to the model server at a time, per detector."""
    reading_threads: int = 1
    """Images read for words at a time; each thread holds the models once, about 60 MB."""
