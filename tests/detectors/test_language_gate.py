"""Only text that a detector was trained for reaches it, and the others are told apart from outages."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from tests.detectors.requests import asking
from tidegate.detectors.language_gate import LanguageGate, NullLanguages
from tidegate.detectors.null_adapter import NullTextDetectors
from tidegate.detectors.port import TextRequest
from tidegate.models.catalogue import catalogue
from tidegate.moderation.detection import DetectorScores, DetectorStatus

HARM = replace(catalogue()["text_harm"], languages=("en",))
ANY = replace(HARM, name="text_any", languages=())
SHADOW = replace(HARM, version="99", languages=("en", "sv"))
LANGUAGE = replace(HARM, name="text_language", version="3", labels=("unsupported",), languages=())


@dataclass(frozen=True)
class _Found:
    code: str
    confidence: float = 0.9


class _FirstWord:
    """Takes the first word for the language's code."""

    def identify(self, text: str) -> _Found:
        return _Found(text.split(maxsplit=1)[0])


@dataclass
class _Counting(NullTextDetectors):
    seen: list[TextRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(specs=[HARM, ANY, SHADOW])

    async def score(self, batch: Sequence[TextRequest]) -> Sequence[tuple[DetectorScores, ...]]:
        self.seen += batch
        return await super().score(batch)


def _gate(inner: _Counting, *, known: bool = True) -> LanguageGate:
    live = {spec.name: spec for spec in (HARM, ANY, LANGUAGE)}
    languages = _FirstWord() if known else NullLanguages()
    return LanguageGate(inner, live=live, shadows=[SHADOW], language=LANGUAGE, languages=languages)


def _asking(text: str, *detectors: str, hint: str = "") -> TextRequest:
    return replace(asking(text), detectors=detectors or ("text_harm",), language=hint)


async def test_text_in_another_language_is_not_scored_and_the_answer_names_it() -> None:
    inner = _Counting()
    english, swedish = await _gate(inner).score([_asking("en hello"), _asking("sv hej")])
    assert [(one.status, one.language) for one in (*english, *swedish)] == [
        (DetectorStatus.OK, "en"),
        (DetectorStatus.UNSUPPORTED_LANGUAGE, "sv"),
    ]
    assert swedish[0].version == HARM.version
    assert not swedish[0].scores
    assert [request.text for request in inner.seen] == ["en hello"]


async def test_detectors_without_languages_score_everything_and_order_is_kept() -> None:
    request = _asking("sv hej", "text_any", "text_language", "text_harm")
    (answers,) = await _gate(_Counting()).score([request])
    assert [(one.detector, one.status) for one in answers] == [
        ("text_any", DetectorStatus.OK),
        ("text_language", DetectorStatus.OK),
        ("text_harm", DetectorStatus.UNSUPPORTED_LANGUAGE),
    ]


@pytest.mark.parametrize(("text", "score"), [("sv hej", 0.9), ("en hello", 0.0), ("und 123", 0.0)])
async def test_text_language_tells_the_language_and_whether_any_detector_reads_it(text: str, score: float) -> None:
    ((answer,),) = await _gate(_Counting()).score([_asking(text, "text_language")])
    assert (answer.version, answer.language, answer.scores) == ("3", text.split(maxsplit=1)[0], {"unsupported": score})
    assert answer.severities == {"unsupported": LANGUAGE.severity(score)}


async def test_the_callers_hint_counts_only_where_the_text_does_not_tell() -> None:
    gate = _gate(_Counting())
    requests = [_asking("sv hej", hint="en"), _asking("und 12", hint="en-GB"), _asking("und 12", hint="sv-SE")]
    answers = [answer[0].status for answer in await gate.score(requests)]
    assert answers == [DetectorStatus.UNSUPPORTED_LANGUAGE, DetectorStatus.OK, DetectorStatus.UNSUPPORTED_LANGUAGE]


async def test_what_can_not_be_told_is_scored_and_the_answer_says_so() -> None:
    ((answer,),) = await _gate(_Counting(), known=False).score([_asking("hej")])
    assert (answer.status, answer.language) == (DetectorStatus.OK, "und")


async def test_text_without_letters_is_scored_whatever_the_callers_hint() -> None:
    requests = [_asking("zxx 10/10", "text_harm", "text_language", hint=hint) for hint in ("", "sv")]
    for answers in await _gate(_Counting()).score(requests):
        assert [(one.status, one.language) for one in answers] == [(DetectorStatus.OK, "zxx")] * 2
        assert answers[1].scores == {"unsupported": 0.0}


async def test_a_score_says_which_language_it_was_given_under() -> None:
    ((answer,),) = await _gate(_Counting()).score([_asking("en hello")])
    assert (answer.status, answer.language) == (DetectorStatus.OK, "en")


async def test_versions_in_shadow_have_languages_of_their_own() -> None:
    key = (SHADOW.name, SHADOW.version)
    request = replace(_asking("sv hej"), shadows=(key,))
    ((live, shadow),) = await _gate(_Counting()).score([request])
    assert (live.version, live.status) == (HARM.version, DetectorStatus.UNSUPPORTED_LANGUAGE)
    assert (shadow.version, shadow.status) == ("99", DetectorStatus.OK)


async def test_an_empty_batch_asks_nobody() -> None:
    assert list(await _gate(_Counting()).score([])) == []


async def test_a_long_batch_is_identified_too() -> None:
    (answers,) = await _gate(_Counting()).score([_asking("sv " + "hej " * 20_000)])
    assert answers[0].status is DetectorStatus.UNSUPPORTED_LANGUAGE
