"""`text_spam`: what is committed is whole, and the graph answers as the trained model did."""

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

import tidegate.models
from tidegate.models.catalogue import Calibration
from tidegate.models.export.golden import answers, check_parity, read_golden
from tidegate.models.export.ngram_graph import build_ngram_graph, load_weights
from tidegate.models.ngrams import FIRST_PIECE, NgramTokenizer
from tidegate.models.packaged import sha256_of
from tidegate.models.training.spam_examples import WRITTEN, written

ROOT = Path(tidegate.models.__file__).parent
FOLDER = ROOT / "weights" / "text_spam" / "1"
MODEL = build_ngram_graph(*load_weights(FOLDER / "deltas.safetensors"), name="text_spam")
TOKENIZER = NgramTokenizer(normalisation="2", words=100, overlap=25)
CALIBRATION = Calibration(
    **{
        name: value
        for name, value in json.loads((FOLDER / "calibration.json").read_text())["labels"]["spam"].items()
        if name in {"slope", "intercept"}
    }
)


def _probability(text: str) -> float:
    (windows,) = TOKENIZER.windows([text])
    logits = answers(MODEL, tuple(map(tuple, windows)))
    return CALIBRATION.probability(float(logits.max()))


def test_the_graph_answers_as_trained() -> None:
    golden = read_golden(FOLDER / "golden.json")
    check_parity(answers(MODEL, golden.ids), golden, largest=1e-4, mean=1e-5)


def test_the_golden_ids_are_those_that_serving_makes() -> None:
    document = json.loads((FOLDER / "golden.json").read_text())
    for one in document["sentences"]:
        assert TOKENIZER.windows([one["text"]])[0][0] == one["input_ids"]


def test_padding_and_order_within_a_batch_change_nothing() -> None:
    golden = read_golden(FOLDER / "golden.json")
    longest = max(map(len, golden.ids)) + 7
    ids = np.zeros((len(golden.ids), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, one in enumerate(golden.ids):
        ids[row, : len(one)] = one
        mask[row, : len(one)] = 1
    session = ort.InferenceSession(MODEL.SerializeToString(), providers=["CPUExecutionProvider"])
    (padded,) = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
    assert np.abs(padded - golden.logits).max() < 1e-4


def test_a_text_of_nothing_gets_the_bias_alone() -> None:
    _, bias = load_weights(FOLDER / "deltas.safetensors")
    assert answers(MODEL, ((0,),))[0, 0] == pytest.approx(float(bias[0]), abs=1e-6)


def test_groups_are_weighed_by_the_square_root_of_their_counts() -> None:
    weights = np.zeros((FIRST_PIECE + 2, 2), dtype=np.float32)
    weights[1], weights[2], weights[FIRST_PIECE + 1] = (1, 10), (2, 20), (4, 40)
    model = build_ngram_graph(weights, np.array([0.5, 5.0], dtype=np.float32), name="two labels")
    (row,) = answers(model, ((0, 1, 2, FIRST_PIECE, FIRST_PIECE + 1),))
    assert row == pytest.approx([0.5 + 3 / 2**0.5 + 4 / 2**0.5, 5 + 30 / 2**0.5 + 40 / 2**0.5], rel=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "Check out my channel please",
        "s u b s c r i b e  to my channel",
        "Earn $900 a day with bitcoin, WhatsApp +1 202 555 0150",
        "Follow for follow?",
        "http://prize.example/claim",
    ],
)
def test_spam_is_spam(text: str) -> None:
    assert _probability(text) > 0.8


@pytest.mark.parametrize(
    "text",
    [
        "I love this song!",
        "She has the best voice on this channel",
        "my uncle lost money to a crypto scam",
        "Free Falling",
        "Who is listening in 2026?",
        "The second guest was hard to understand, maybe move the microphone.",
        "😂😂",
        "ok",
        "",
    ],
)
def test_ordinary_text_is_not(text: str) -> None:
    assert _probability(text) < 0.3


def test_committed_metrics_are_of_the_committed_weights_and_meet_the_target() -> None:
    metrics = json.loads((FOLDER / "metrics.json").read_text())
    assert metrics["weights_sha256"] == sha256_of(FOLDER / "deltas.safetensors")
    assert metrics["held_out_threads"]["f1"] >= 0.93


def test_written_lines_hold_both_kinds_and_no_open_slot() -> None:
    lines = list(written(0))
    assert min(sum(one.spam for one in lines), sum(not one.spam for one in lines)) > 400
    assert all("{" not in one.text and one.source == WRITTEN for one in lines)
    assert lines == list(written(0))


def test_addresses_in_written_lines_are_reserved_ones() -> None:
    """Nobody's site or telephone is in the corpus."""
    text = (ROOT / "training" / "corpus" / "spam.txt").read_text()
    assert not any(ending in text for ending in (".com", ".net", ".org", "http://{", "555 1"))
