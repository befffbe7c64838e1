"""How quality, robustness, bias and functional results are made from scores: on made-up scores with known answers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tidegate.models.evaluation import sets
from tidegate.models.evaluation.bias import bias_results
from tidegate.models.evaluation.functional import functional_result
from tidegate.models.evaluation.held_out import ANY_HARM, DataMissingError, any_harm, held_out
from tidegate.models.evaluation.measures import Probabilities
from tidegate.models.evaluation.quality import POOLED, UNSEEN, JudgedTexts, by_label
from tidegate.models.evaluation.robustness import mean_drop, robustness_results
from tidegate.models.training.evasions import Evasion
from tidegate.models.training.examples import CLEAN, LABELS, Example, Split, targets

HATE = LABELS.index("hate")


def example(text: str, source: str, **known: float) -> Example:
    return Example(text, targets(**known), source, Split.TEST)


def scores(count: int, **columns: Sequence[float]) -> Probabilities:
    found = np.zeros((count, len(LABELS)))
    for label, values in columns.items():
        found[:, LABELS.index(label)] = values
    return found


def test_totals_leave_out_our_own_corpus_and_what_was_not_judged() -> None:
    judged = [example(f"text {n}", "edos", hate=float(n % 2)) for n in range(40)]
    aside = [example(f"own {n}", "written", hate=1.0) for n in range(20)] + [example("open", "edos", threat=1.0)]
    found = by_label(
        JudgedTexts([*judged, *aside], scores(61, hate=[n % 2 for n in range(40)] + [0.0] * 21)).quality(), POOLED
    )
    assert (found["hate"].positives, found["hate"].negatives) == (20, 20)
    assert found["hate"].auprc == found["hate"].roc_auc == 1.0
    assert (found["hate"].recall_at_4, found["hate"].false_alarms_at_4) == (1.0, 0.0)


def test_severity_four_begins_at_its_edge() -> None:
    texts = [example(f"text {n}", "davidson", hate=float(n < 20)) for n in range(40)]
    found = by_label(JudgedTexts(texts, scores(40, hate=[0.55] * 10 + [0.5499] * 10 + [0.0] * 20)).quality(), UNSEEN)
    assert found["hate"].recall_at_4 == 0.5
    assert found["hate"].precision_at_4 == 1.0


def test_a_slice_with_few_positives_says_nothing_about_order() -> None:
    texts = [example(f"text {n}", "edos", hate=float(n < 9)) for n in range(40)]
    found = by_label(JudgedTexts(texts, scores(40, hate=[0.9] * 9 + [0.1] * 31)).quality(), POOLED)
    assert (found["hate"].auprc, found["hate"].recall_at_4) == (None, None)
    assert found["hate"].false_alarms_at_4 == 0.0


def test_lengths_are_told_apart() -> None:
    short = [example("two words", "edos", hate=float(n % 2)) for n in range(40)]
    long = [example("word " * 70, "edos", hate=float(n % 2)) for n in range(40)]
    right, wrong = [float(n % 2) for n in range(40)], [float(1 - n % 2) for n in range(40)]
    found = JudgedTexts([*short, *long], scores(80, hate=right + wrong)).quality()
    assert by_label(found, "1-4 words")["hate"].roc_auc == 1.0
    assert by_label(found, "65+ words")["hate"].roc_auc == 0.0


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"threat": 1.0}, 1.0),
        ({"profanity": 1.0, "hate": 0.0}, -1.0),
        ({"toxic": 0.0}, 0.0),
        ({"toxic": 1.0}, -1.0),
        ({"toxic": 0.0, "sexual": 1.0}, 1.0),
    ],
)
def test_any_harm_is_known_only_where_it_was_judged(known: dict[str, float], expected: float) -> None:
    assert any_harm(example("a text", "edos", **known)) == expected


def test_clean_texts_hold_no_harm() -> None:
    assert any_harm(Example("a text", CLEAN, "youtube_spam", Split.TEST)) == 0.0


def test_profanity_is_no_harm() -> None:
    texts = [Example(f"text {n}", CLEAN, "sms_spam", Split.TEST) for n in range(20)]
    found = by_label(JudgedTexts(texts, scores(20, profanity=[1.0] * 20)).quality(), POOLED)
    assert found[ANY_HARM].false_alarms_at_4 == 0.0
    assert found["profanity"].false_alarms_at_4 == 1.0


def test_robustness_compares_each_text_with_itself() -> None:
    """A detector that knows nothing but one word loses a text exactly when that word changes."""

    def knows_a_word(texts: Sequence[str]) -> Probabilities:
        return scores(len(texts), hate=[float("wonderland" in text) for text in texts])

    texts = [example(f"wonderland {n}", "edos", hate=1.0) for n in range(30)]
    found = robustness_results(knows_a_word, texts, seed=1, per_label=20)
    assert {one.evasion for one in found} == set(Evasion)
    assert {(one.label, one.texts, one.recall_before) for one in found} == {("hate", 20, 1.0)}
    drops = {one.evasion: one.drop for one in found}
    assert drops[Evasion.SPACING] == drops[Evasion.DELETION] == 1.0
    assert mean_drop(found) == pytest.approx(np.mean(list(drops.values())))


def test_a_detector_that_fires_on_one_term_has_the_widest_gap() -> None:
    def hates_one(texts: Sequence[str]) -> Probabilities:
        return scores(len(texts), hate=[0.9 if "Welsh" in text or "Sikh" in text else 0.1 for text in texts])

    found = {one.label: one for one in bias_results(hates_one)}
    assert found["hate"].gap == found[ANY_HARM].gap == 1.0
    assert found["hate"].mean_score_gap == pytest.approx(0.8)
    assert found["hate"].terms[0].term == "Sikh"
    assert len(found["hate"].terms) == len(sets.identity_terms())


def test_functional_results_are_by_class() -> None:
    def always(texts: Sequence[str]) -> Probabilities:
        return scores(len(texts), hate=[0.5] * len(texts))

    found = functional_result(always)
    hateful = sum(len(one.texts) for one in sets.functional_classes() if one.hate)
    total = sum(len(one.texts) for one in sets.functional_classes())
    assert found.accuracy == pytest.approx(hateful / total, abs=1e-4)
    assert found.worst_share == 0.0
    assert all(one.right == (one.texts if one.hate else 0) for one in found.classes)


def test_without_data_the_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match="no folder"):
        held_out(tmp_path / "none", seed=1)
    with pytest.raises(DataMissingError, match="surge_profanity"):
        held_out(tmp_path, seed=1)
