"""Text → token windows: normalised, tokenized, and where it is long read in overlapping windows, never cut.

The first step of a text's way through a detector. The tokenizer is the packaged encoder's; normalisation is the one the
detector was trained with.
"""

from collections.abc import Sequence
from typing import Protocol

from tokenizers import Tokenizer

from tidegate.models.catalogue import DetectorSpec, Tokens
from tidegate.models.ngrams import NgramTokenizer
from tidegate.models.normalisation import VERSIONS


class TextTokenizer(Protocol):
    """Makes windows of token ids for one detector. Thread-safe."""

    def windows(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """Returns each text's windows: at least one each."""
        ...


class TokenisationError(RuntimeError):
    """The detector was trained with a normalisation that is not here, or its tokenizer lacks the special tokens."""


def tokenizer_of(spec: DetectorSpec) -> TextTokenizer:
    """Returns the tokenizer that a detector was trained with. Raises as `WindowTokenizer` does."""
    text = spec.text_input()
    if text.tokens is Tokens.WORDPIECE:
        return WindowTokenizer(spec)
    if text.normalisation not in VERSIONS:
        raise TokenisationError(f"{spec.name} {spec.version} needs normalisation {text.normalisation}")
    return NgramTokenizer(normalisation=text.normalisation, words=text.max_tokens, overlap=text.window_overlap_tokens)


class WindowTokenizer:
    """Makes windows of token ids for one detector. Thread-safe."""

    def __init__(self, spec: DetectorSpec) -> None:
        """Loads the packaged tokenizer.

        Args:
            spec: The detector.

        Raises:
            EncoderUnavailableError: The encoder's package is missing.
            TokenisationError: The tokenizer does not fit the detector.
        """
        normalisation = spec.text_input().normalisation
        if normalisation not in VERSIONS:
            raise TokenisationError(f"{spec.name} {spec.version} needs normalisation {normalisation}")
        self._normalise = VERSIONS[normalisation]
        self._tokenizer = Tokenizer.from_file(str(spec.encoder_origin().tokenizer_path()))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._first, self._last = self._special("[CLS]"), self._special("[SEP]")
        self._content = spec.text_input().max_tokens - 2
        self._stride = self._content - spec.text_input().window_overlap_tokens
        if self._stride <= 0:
            raise TokenisationError(f"{spec.name} {spec.version}: windows overlap by all of their length")

    def windows(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """Returns each text's windows: at least one, each of 2 to `max_tokens` token ids, special tokens included."""
        encodings = self._tokenizer.encode_batch([self._normalise(text) for text in texts], add_special_tokens=False)
        return [self._cut(encoding.ids) for encoding in encodings]

    def _cut(self, ids: list[int]) -> list[list[int]]:
        starts = [0, *range(self._stride, max(self._stride, len(ids) - self._content + self._stride), self._stride)]
        return [[self._first, *ids[start : start + self._content], self._last] for start in starts]

    def _special(self, token: str) -> int:
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise TokenisationError(f"the tokenizer has no {token}")
        return found
