"""Texts in a language that a detector was not trained for are not scored by it: a gate in front of text detectors.

The first step of the text stage. Each text's language is identified once; a detector with `languages` in the catalogue
gets only what is in one of them, or what can't be told. `text_language` is answered here: its finding is the language.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from tidegate.detectors.port import TextDetectors, TextRequest
from tidegate.models.catalogue import DetectorSpec
from tidegate.moderation.detection import UNDETERMINED_LANGUAGE, DetectorScores, DetectorStatus

UNDECIDED: Final = UNDETERMINED_LANGUAGE
"""The language can't be told."""
WORDLESS: Final = "zxx"
"""BCP 47 for no language at all (ISO 639-2 "no linguistic content"): digits, signs and emoji alone."""
UNSUPPORTED: Final = "unsupported"
"""The label of `text_language`."""
_BRIEF_CHARACTERS: Final = 50_000
"""A batch with less text than this is identified on the event loop. More goes to a thread."""

_Key = tuple[str, str]
"""A detector's name and version."""


class Finding(Protocol):
    """What language a text is in."""

    @property
    def code(self) -> str:
        """ISO 639-1, "und" if it can't be told, or "zxx" if the text holds no letters."""
        ...

    @property
    def confidence(self) -> float:
        """In [0, 1]."""
        ...


class Languages(Protocol):
    """Identifies languages. Thread-safe."""

    def identify(self, text: str) -> Finding:
        """Returns the language of a text. Never raises for one."""
        ...


@dataclass(frozen=True, slots=True)
class _Language:
    """A text's language, the caller's word considered."""

    code: str
    confidence: float


class NullLanguages:
    """Can't tell any language: for tests."""

    def identify(self, text: str) -> Finding:
        """See `Languages`."""
        del text
        return _Language(UNDECIDED, 0.0)


class LanguageGate:
    """`TextDetectors` behind a look at the language."""

    def __init__(
        self,
        detectors: TextDetectors,
        *,
        live: Mapping[str, DetectorSpec],
        shadows: Sequence[DetectorSpec],
        language: DetectorSpec,
        languages: Languages,
    ) -> None:
        """Wires the gate.

        Args:
            detectors: What scores.
            live: The live text detectors, by name.
            shadows: Versions that are tried out.
            language: `text_language` of the catalogue.
            languages: Identifies.
        """
        self._detectors = detectors
        self._language = language
        self._languages = languages
        self._trained_for: dict[_Key, frozenset[str]] = {
            (spec.name, spec.version): frozenset(spec.languages) for spec in (*live.values(), *shadows)
        }
        self._live = {name: spec.version for name, spec in live.items()}
        self._covered = frozenset[str]().union(*(spec.languages for spec in live.values() if spec is not language))

    async def score(self, batch: Sequence[TextRequest]) -> Sequence[tuple[DetectorScores, ...]]:
        """See `TextDetectors`."""
        if sum(len(request.text) for request in batch) < _BRIEF_CHARACTERS:
            found = self._identified(batch)
        else:
            found = await asyncio.to_thread(self._identified, batch)
        passed = [self._passed(request, language) for request, language in zip(batch, found, strict=True)]
        asked = [request for request in passed if request.detectors or request.shadows]
        answers = iter(await self._detectors.score(asked) if asked else ())
        return [
            self._answers(request, language, next(answers) if through.detectors or through.shadows else (), through)
            for request, language, through in zip(batch, found, passed, strict=True)
        ]

    async def ready(self) -> bool:
        """See `TextDetectors`."""
        return await self._detectors.ready()

    async def close(self) -> None:
        """See `TextDetectors`."""
        await self._detectors.close()

    def _identified(self, batch: Sequence[TextRequest]) -> list[_Language]:
        return [self._of(request) for request in batch]

    def _of(self, request: TextRequest) -> _Language:
        """The caller's word counts where the text does not tell: nobody can hide behind a wrong hint."""
        finding = self._languages.identify(request.text)
        if finding.code == UNDECIDED and request.language:
            return _Language(request.language.partition("-")[0].lower(), 1.0)
        return _Language(finding.code, finding.confidence)

    def _passed(self, request: TextRequest, language: _Language) -> TextRequest:
        """What of a request the detectors are asked."""
        names = tuple(
            name
            for name in request.detectors
            if name != self._language.name and self._reads((name, self._live.get(name, "")), language)
        )
        return replace(
            request, detectors=names, shadows=tuple(key for key in request.shadows if self._reads(key, language))
        )

    def _reads(self, key: _Key, language: _Language) -> bool:
        trained_for = self._trained_for.get(key)
        return not trained_for or language.code in {UNDECIDED, WORDLESS} or language.code in trained_for

    def _answers(
        self, request: TextRequest, language: _Language, answers: tuple[DetectorScores, ...], through: TextRequest
    ) -> tuple[DetectorScores, ...]:
        """One entry for each that was asked, in order."""
        keys = [(name, self._live.get(name, "")) for name in through.detectors]
        found = dict(zip([*keys, *through.shadows], answers, strict=True))
        asked = [*((name, self._live.get(name, "")) for name in request.detectors), *request.shadows]
        return tuple(
            self._heard(found[key], language) if key in found else self._unasked(key, language) for key in asked
        )

    def _heard(self, answer: DetectorScores, language: _Language) -> DetectorScores:
        """A score with the language that it was given under; "und" where nobody could tell."""
        trained_for = self._trained_for.get((answer.detector, answer.version))
        return replace(answer, language=language.code) if trained_for else answer

    def _unasked(self, key: _Key, language: _Language) -> DetectorScores:
        if key[0] == self._language.name:
            return self._told(language)
        return DetectorScores(*key, DetectorStatus.UNSUPPORTED_LANGUAGE, language=language.code)

    def _told(self, language: _Language) -> DetectorScores:
        """`text_language` itself: how sure it is that no live detector was trained for the language."""
        spec = self._language
        unsupported = language.code not in {UNDECIDED, WORDLESS} and language.code not in self._covered
        score = language.confidence if unsupported else 0.0
        return DetectorScores(
            spec.name,
            spec.version,
            DetectorStatus.OK,
            scores={UNSUPPORTED: score},
            severities={UNSUPPORTED: spec.severity(score)},
            language=language.code,
        )
