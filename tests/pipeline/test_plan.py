"""What the plan step makes of policies, parts and the detectors in use."""

import pickle
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.policy.policy_samples import HATE_5, compiled, rule
from tidegate.models.catalogue import DetectorSpec, LatencyClass, Modality
from tidegate.models.selection import Selection, select
from tidegate.moderation.item import Part, PartKind, TranscriptSegment
from tidegate.pipeline.coverage import Coverage
from tidegate.pipeline.plan import PartPlan, Plan, Planner, plan_for
from tidegate.policy.engine import CompiledPolicy

TEXT = Part(id="title", kind=PartKind.TEXT, text="hello")
SPEECH = Part(id="speech", kind=PartKind.TRANSCRIPT, segments=(TranscriptSegment(0, 1, "hello"),))
COVER = Part(id="cover", kind=PartKind.IMAGE, data=b"image")
CLIP = Part(id="clip", kind=PartKind.AUDIO, data=b"clip")
ADULT = rule("adult", detects={"detector": "image_unsafe", "label": "adult", "min_severity": 5})
KNOWN = rule("known", detects={"detector": "image_match", "label": "bank", "min_score": 0.5}, settles=True)
SEVERE = rule("severe", detects={**HATE_5, "min_severity": 7}, settles=True)


def _spec(name: str, modality: Modality, *labels: str, **fields: Any) -> DetectorSpec:
    return replace(select().live["text_harm"], name=name, modality=modality, labels=labels, **fields)


SPECS = (
    _spec("text_harm", Modality.TEXT, "hate"),
    _spec("text_spam", Modality.TEXT, "spam", latency_class=LatencyClass.CHEAP),
    _spec("image_unsafe", Modality.IMAGE, "adult"),
    _spec("image_match", Modality.IMAGE, open_labels=True),
    _spec("image_text", Modality.IMAGE, latency_class=LatencyClass.SLOW),
    _spec("audio_speech", Modality.AUDIO, latency_class=LatencyClass.SLOW),
)


def _coverage(*, without: Sequence[str] = ()) -> Coverage:
    return Coverage.of(Selection({spec.name: spec for spec in SPECS if spec.name not in without}, ()))


def _plan(
    live: CompiledPolicy, *parts: Part, shadows: Sequence[CompiledPolicy] = (), without: Sequence[str] = ()
) -> Plan:
    return plan_for(live, shadows, parts, market="SE", coverage=_coverage(without=without))


def test_text_detectors_get_words_from_wherever_there_are_any() -> None:
    plan = _plan(compiled(rule(), ADULT), TEXT, SPEECH, COVER, CLIP)
    assert plan.parts == (
        PartPlan(TEXT, text=("text_harm",)),
        PartPlan(SPEECH, text=("text_harm",)),
        PartPlan(COVER, images=("image_unsafe",), reader="image_text", text=("text_harm",)),
        PartPlan(CLIP, reader="audio_speech", text=("text_harm",)),
    )
    assert plan.detectors == ("audio_speech", "image_text", "image_unsafe", "text_harm")
    assert plan.settling is None


def test_nothing_is_read_or_transcribed_where_no_policy_reads_text() -> None:
    plan = _plan(compiled(ADULT), TEXT, COVER, CLIP)
    assert [part.detectors for part in plan.parts] == [(), ("image_unsafe",), ()]


def test_without_a_reader_text_detectors_do_not_reach_the_part() -> None:
    cover, clip = _plan(compiled(rule(), ADULT), COVER, CLIP, without=("image_text", "audio_speech")).parts
    assert (cover.images, cover.text, cover.unreached) == (("image_unsafe",), (), ("text_harm",))
    assert (clip.detectors, clip.unreached) == ((), ("text_harm",))


def test_a_detector_that_is_not_in_use_is_told_where_it_would_have_looked() -> None:
    title, cover = _plan(compiled(rule(), ADULT), TEXT, COVER, without=("image_unsafe",)).parts
    assert title.unreached == ()
    assert cover.unreached == ("image_unsafe",)


def test_shadow_policies_have_what_they_need_as_well() -> None:
    shadow = compiled(ADULT, id="trial", mode="shadow")
    (cover,) = _plan(compiled(rule()), COVER, shadows=[shadow]).parts
    assert cover.images == ("image_unsafe",)


def test_cheap_ones_and_those_that_can_settle_go_first() -> None:
    spam = rule("spam", detects={"detector": "text_spam", "label": "spam", "min_severity": 5})
    plan = _plan(compiled(KNOWN, rule(), spam, ADULT), TEXT, COVER)
    assert plan.settling is not None
    title, cover = (part.without_reader(plan.settling.first) for part in plan.parts)
    assert (title.text, cover.images, cover.reader, cover.text) == (("text_spam",), ("image_match",), "", ())
    rest_title, rest_cover = plan.parts[0].after(title), plan.parts[1].after(cover)
    assert rest_title.text == ("text_harm",)
    assert (rest_cover.images, rest_cover.reader) == (("image_unsafe",), "image_text")
    assert rest_cover.text == ("text_harm", "text_spam")


def test_an_item_that_no_settling_rule_is_about_is_not_looked_at_in_two_steps() -> None:
    assert _plan(compiled(KNOWN, rule()), TEXT).settling is None
    assert _plan(compiled(SEVERE, rule()), CLIP).settling is None
    assert _plan(compiled(SEVERE, rule()), TEXT, CLIP).settling is not None


def test_what_a_shadow_policy_reads_is_kept_even_if_the_item_is_settled_but_for_what_needs_a_reader() -> None:
    shadow = compiled(rule(), ADULT, id="trial", mode="shadow")
    plan = _plan(compiled(KNOWN, rule(), ADULT), TEXT, COVER, shadows=[shadow])
    assert plan.settling is not None
    title, cover = (part.without_reader(plan.settling.kept) for part in plan.parts)
    assert (title.text, title.reader) == (("text_harm",), "")
    assert (cover.images, cover.reader, cover.text) == (("image_unsafe",), "", ())


def test_versions_in_shadow_are_covered_by_name() -> None:
    tried = (replace(SPECS[0], version="2"), replace(SPECS[0], version="3"))
    assert Coverage.of(Selection({"text_harm": SPECS[0]}, tried)).shadows == {"text_harm": ("2", "3")}


def test_a_plan_that_was_made_before_is_the_same_for_other_parts_of_its_kinds() -> None:
    planner, coverage = Planner(_coverage()), _coverage()
    harm, adult, trial = (
        compiled(rule(), KNOWN),
        compiled(ADULT, id="adult"),
        compiled(ADULT, id="trial", mode="shadow"),
    )
    other = Part(id="other", kind=PartKind.TEXT, text="bye")
    unheard = Part(id="unheard", kind=PartKind.AUDIO, data=b"another")
    for live, shadows in ((harm, []), (adult, []), (harm, [trial]), (harm, [])):
        for parts in ((TEXT, COVER), (other, COVER), (COVER, other), (CLIP,), (unheard,), (SPEECH,), ()):
            for market in ("SE", "DE"):
                expected = plan_for(live, shadows, parts, market=market, coverage=coverage)
                assert planner.plan(live, shadows, parts, market=market) == expected


def test_a_planner_remembers_no_content() -> None:
    words = Part(id="w", kind=PartKind.TEXT, text="unheard-of words")
    picture = Part(id="p", kind=PartKind.IMAGE, data=b"unseen bytes")
    planner = Planner(_coverage())
    assert planner.plan(compiled(rule(), ADULT), [], (words, picture), market="SE").parts[0].part is words
    remembered = pickle.dumps(planner)
    assert b"text_harm" in remembered
    assert b"unheard-of" not in remembered
    assert b"unseen" not in remembered
