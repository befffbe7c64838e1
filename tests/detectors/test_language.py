"""Languages as the real package tells them, and through the gate."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.detectors.requests import asking
from tidegate.detectors.language import FastTextLanguages
from tidegate.detectors.language_gate import LanguageGate
from tidegate.detectors.null_adapter import NullTextDetectors
from tidegate.models.catalogue import catalogue
from tidegate.models.evaluation.sets import short_comments
from tidegate.models.packaged import PackagedFileError
from tidegate.moderation.detection import DetectorStatus

HARM, SPEC = catalogue()["text_harm"], catalogue()["text_language"]
GERMAN = "Das ist ja ein wirklich schönes Lied, vielen Dank dafür und bis bald."
ENGLISH = "I will find you tomorrow and you will be sorry for all of that."
ENGLISH_OR_UNDECIDED = {"en", "und"}


@pytest.fixture(scope="module")
def languages() -> FastTextLanguages:
    return FastTextLanguages(SPEC)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (GERMAN, "de"),
        (GERMAN.upper(), "de"),
        ("Cette chanson est vraiment magnifique, merci beaucoup", "fr"),
        ("这首歌真的很好听 谢谢你", "zh"),
        ("هذه الأغنية جميلة جدا", "ar"),
        ("यह गाना बहुत अच्छा है", "hi"),
        ("Привет, как дела?", "ru"),
        ("This song is really beautiful, thank you so much", "en"),
    ],
)
def test_tells_the_language_of_a_sentence(languages: FastTextLanguages, text: str, code: str) -> None:
    found = languages.identify(text)
    assert found.code == code
    assert 0.3 <= found.confidence <= 1.0


@pytest.mark.parametrize(
    "text",
    ["", " \u200b\n", "😂😂😂", "123 456", "https://example.org/ein/schoenes/lied @jemand", "\ud800", "\0", "10/10 ❤"],
)
def test_what_holds_no_letters_has_no_language(languages: FastTextLanguages, text: str) -> None:
    found = languages.identify(text)
    assert (found.code, found.confidence) == ("zxx", 0.0)


@pytest.mark.parametrize("text", ["(ツ)", "ლ(ಠ益ಠლ)", "(ノヮノ)", "(;Д;)", "b4 x7y", "µ"])
def test_faces_and_codes_are_undecided(languages: FastTextLanguages, text: str) -> None:
    found = languages.identify(text)
    assert (found.code, found.confidence) == ("und", 0.0)


@pytest.mark.parametrize(
    "text", ["lol", "lmao ur so funny", "im dead", "ngl this slaps fr fr no cap", "how u kno im talkin bout u lmfao"]
)
def test_slang_is_never_another_language(languages: FastTextLanguages, text: str) -> None:
    assert languages.identify(text).code in ENGLISH_OR_UNDECIDED


@pytest.mark.parametrize(
    "text",
    [
        "1 w1ll f1nd y0u 70m0rr0w 4nd y0u w1ll b3 50rry f0r 4ll 0f 7h47",
        "I   w i l l   f i n d   y o u   t o m o r r o w   a n d   y o u   w i l l   b e   s o r r y",
        "I w i l l f i n d y o u t o m o r r o w a n d y o u w i l l b e s o r r y",
        "I,w,i,l,l,f,i,n,d,y,o,u,t,o,m,o,r,r,o,w,a,n,d,y,o,u,w,i,l,l,b,e,s,o,r,r,y",
        "I w̶i̶l̶l̶ f̶i̶n̶d̶ you and you will be s̶o̶r̶r̶y",
    ],
)
def test_disguised_english_does_not_pass_for_another_language(languages: FastTextLanguages, text: str) -> None:
    """Else a detector of English would never see it: before, a fifth of messages in leet were told to be Spanish."""
    assert languages.identify(text).code in ENGLISH_OR_UNDECIDED


@pytest.mark.parametrize("text", ["Ausländer raus", "Despacito", "xqz", "Beyoncé", "la la la la", "Devi morire"])
def test_what_is_too_short_to_be_sure_of_is_undecided(languages: FastTextLanguages, text: str) -> None:
    assert languages.identify(text).code == "und"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Je vais te tuer", "fr"),
        ("Te voy a matar", "es"),
        ("Ti ammazzo", "it"),
        ("Vou te matar", "pt"),
        ("Wir finden dich", "de"),
        ("Ik maak je dood", "nl"),
        ("Jag ska döda dig", "sv"),
        ("Zabiję cię", "pl"),
        ("Seni öldüreceğim", "tr"),
        ("Сука", "ru"),
        ("يا كلب", "ar"),
        ("去死吧", "zh"),
        ("死ね", "ja"),
        ("죽어", "ko"),
        ("मर जा", "hi"),
    ],
)
def test_a_threat_of_a_few_words_is_known_not_to_be_english(languages: FastTextLanguages, text: str, code: str) -> None:
    found = languages.identify(text)
    assert found.code == code
    assert found.confidence > 0.5


def test_short_foreign_comments_are_mostly_told_and_short_english_ones_hardly_ever_mistaken(
    languages: FastTextLanguages,
) -> None:
    comments = dict(short_comments())
    english = [languages.identify(text).code for text in comments.pop("en")]
    others = [languages.identify(text).code for texts in comments.values() for text in texts]
    assert sum(code not in ENGLISH_OR_UNDECIDED for code in english) <= 0.02 * len(english)
    assert sum(code == "en" for code in english) >= 0.8 * len(english)
    assert sum(code not in ENGLISH_OR_UNDECIDED for code in others) >= 0.85 * len(others)
    assert "en" not in others


@pytest.mark.parametrize(
    "text",
    [
        "An🐍oth🤡er idi🤡o🐍t!",
        "Absoluuuute garrrbage",
        "Dy-lan su-ck-s",
        "an assh%le",
        "k1ll 'em @ll now",
        "DU.MB f.o.o.l",
    ],
)
def test_short_english_in_disguise_is_not_another_language(languages: FastTextLanguages, text: str) -> None:
    """Pieces of words are words of any language: what is written to be missed must reach the detectors."""
    assert languages.identify(text).code in ENGLISH_OR_UNDECIDED


@pytest.mark.parametrize(
    "text",
    [
        f"{GERMAN} {ENGLISH}",
        f"{ENGLISH} {GERMAN * 3}",
        f"这首歌真的很好听 谢谢你。{ENGLISH}",
        f"{GERMAN * 3} {ENGLISH} {GERMAN * 3}",
    ],
)
def test_a_stretch_of_english_can_not_hide_in_another_language(languages: FastTextLanguages, text: str) -> None:
    assert languages.identify(text).code == "en"


def test_a_few_foreign_words_or_letters_do_not_make_english_foreign(languages: FastTextLanguages) -> None:
    assert languages.identify("she said привет and left, that was all she had to say").code == "en"
    assert languages.identify("what а strаnge wоrld we аre living in tоday my friends").code == "en"  # noqa: RUF001


def test_letters_of_another_script_in_majority_count_even_beside_short_english(languages: FastTextLanguages) -> None:
    assert languages.identify("这首歌真的很好听谢谢你 lol nice").code == "zh"


def test_a_long_text_is_looked_at_in_its_beginning_middle_and_end(languages: FastTextLanguages) -> None:
    german = f"{GERMAN} " * 1_500
    assert len(german) > 100_000
    assert languages.identify(german).code == "de"
    for english in (f"{ENGLISH} {german}", f"{german} {ENGLISH}", f"{german} {ENGLISH} {german}"):
        assert languages.identify(english).code == "en"
    assert languages.identify("x" * 100_000).code in ENGLISH_OR_UNDECIDED


def test_threads_get_the_same_answers_as_one(languages: FastTextLanguages) -> None:
    texts = [GERMAN, ENGLISH, "这首歌真的很好听 谢谢你", "lol"] * 50
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(languages.identify, texts)) == [languages.identify(text) for text in texts]


def test_other_weights_than_the_catalogues_are_refused() -> None:
    other = replace(SPEC, packages=(replace(SPEC.packages[0], sha256="0" * 64),))
    with pytest.raises(PackagedFileError, match="another digest"):
        FastTextLanguages(other)


async def test_through_the_gate_german_is_unsupported_by_text_harm_and_slang_is_scored(
    languages: FastTextLanguages,
) -> None:
    gate = LanguageGate(
        NullTextDetectors(specs=[HARM]),
        live={"text_harm": HARM, SPEC.name: SPEC},
        shadows=[],
        language=SPEC,
        languages=languages,
    )
    both = ("text_harm", "text_language")
    (german, slang) = await gate.score(
        [replace(asking(text), detectors=both) for text in (GERMAN, "ngl u r so dumb lol")]
    )
    assert [(one.status, one.language) for one in german] == [
        (DetectorStatus.UNSUPPORTED_LANGUAGE, "de"),
        (DetectorStatus.OK, "de"),
    ]
    assert german[1].scores["unsupported"] > 0.9
    assert slang[0].status is DetectorStatus.OK
    assert slang[1].scores == {"unsupported": 0.0}
