"""`account_risk`: what is committed is whole, numpy answers as torch and ONNX do, missing is not 0."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.features.refs import ACCOUNT_PROFILE
from tidegate.models.account_risk import attribution
from tidegate.models.account_risk.channels import ChannelCode, channels, encoded, fitted_codes
from tidegate.models.account_risk.inputs import (
    INPUTS,
    MAX_COUNT,
    NAMES,
    AccountInputError,
    AccountInputs,
    InputKind,
    values,
)
from tidegate.models.account_risk.network import AccountRiskUnavailable, load_network
from tidegate.models.account_risk.onnx_graph import risk_graph
from tidegate.models.account_risk.scorer import AccountRiskModel
from tidegate.models.catalogue import DetectorSpec, Engine, Modality, catalogue
from tidegate.models.packaged import sha256_of

SPEC = catalogue()["account_risk"]
MODEL = AccountRiskModel.load(SPEC)
GOLDEN = json.loads((SPEC.folder() / "golden.json").read_text())

FLEET = AccountInputs(
    followers=2, following=0, listed=0, likes_given=0, verified=False, posts=9_000, default_profile=True,
    default_picture=False, extended_profile=False, handle_length=14, handle_digits=4, description_length=0,
    has_url=False, has_location=False, account_age_days=200.0,
)  # fmt: skip
PERSON = AccountInputs(
    followers=420, following=380, listed=9, likes_given=2_600, verified=False, posts=5_200, default_profile=False,
    default_picture=False, extended_profile=True, handle_length=10, handle_digits=0, description_length=84,
    has_url=False, has_location=True, account_age_days=2_900.0,
)  # fmt: skip


def _golden_rows() -> list[AccountInputs]:
    return [AccountInputs(**dict(zip(GOLDEN["inputs"], one["values"], strict=True))) for one in GOLDEN["accounts"]]


def _raw(logit: float) -> float:
    """The network's own logit of a calibrated one."""
    calibration = SPEC.calibrations["automated"]
    return (logit - calibration.intercept) / calibration.slope


def _any_account() -> st.SearchStrategy[AccountInputs]:
    kinds: dict[InputKind, Any] = {
        InputKind.FLAG: st.booleans(),
        InputKind.DAYS: st.floats(0, 36_500),
        InputKind.COUNT: st.integers(0, 100_000),
    }
    return st.builds(AccountInputs, **{one.name: st.none() | kinds[one.kind] for one in INPUTS})


def test_every_input_is_a_feature_of_the_same_name() -> None:
    assert set(NAMES) <= {feature.name for feature in ACCOUNT_PROFILE.features}
    assert NAMES == tuple(AccountInputs.__dataclass_fields__) == tuple(GOLDEN["inputs"])
    assert all(one.unit and one.meaning for one in INPUTS)


def test_numpy_answers_as_the_trained_network_did() -> None:
    found = [_raw(one.logit) for one in MODEL.score(_golden_rows())]
    assert found == pytest.approx([one["logit"] for one in GOLDEN["accounts"]], abs=1e-4)


def test_the_onnx_graph_answers_as_the_trained_network_did() -> None:
    network = load_network(SPEC.weights_path())
    session = ort.InferenceSession(risk_graph(network).SerializeToString(), providers=["CPUExecutionProvider"])
    code = encoded(channels(values(_golden_rows())), network.codes).astype(np.float32)
    (found,) = session.run(["logit"], {"code": code})
    assert found[:, 0] == pytest.approx([one["logit"] for one in GOLDEN["accounts"]], abs=1e-4)


def test_a_fleet_account_is_told_from_a_person() -> None:
    fleet, person = MODEL.score([FLEET, PERSON])
    assert fleet.probability > 0.9
    assert person.probability < 0.1
    assert fleet.raising(3)
    assert all(fleet.attributions[name] > 0 for name in fleet.raising(3))


@settings(max_examples=30, deadline=None)
@given(_any_account())
def test_any_account_gets_a_probability_and_attributions_that_sum_to_it(account: AccountInputs) -> None:
    (found,) = MODEL.score([account])
    assert 0.0 <= found.probability <= 1.0
    assert found.probability == pytest.approx(1 / (1 + math.exp(-found.logit)), abs=1e-12)
    assert found.base_logit + sum(found.attributions.values()) == pytest.approx(found.logit, abs=1e-9)
    assert all(found.attributions[name] == 0.0 for name in NAMES if getattr(account, name) is None)
    assert found.known_inputs == account.known()


def test_an_account_scores_the_same_bits_alone_and_among_others() -> None:
    rows = _golden_rows()
    together = MODEL.score(rows)
    assert [MODEL.score([row])[0] for row in rows] == list(together)
    assert list(AccountRiskModel.load(SPEC).score(rows[::-1])) == list(together)[::-1]


def test_nothing_known_is_the_base_and_knows_it() -> None:
    (found,) = MODEL.score([AccountInputs()])
    assert found.logit == found.base_logit
    assert found.known_inputs == 0
    assert set(found.attributions.values()) == {0.0}


def test_missing_is_not_zero() -> None:
    absent, none = MODEL.score([replace(PERSON, followers=None), replace(PERSON, followers=0)])
    assert absent.probability != none.probability
    assert absent.attributions["followers"] == 0.0 != none.attributions["followers"]


def test_no_accounts_no_scores() -> None:
    assert list(MODEL.score([])) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("followers", -1),
        ("followers", MAX_COUNT + 1),
        ("followers", 1.5),
        ("followers", True),
        ("followers", "7"),
        ("posts", math.nan),
        ("posts", math.inf),
        ("verified", 1),
        ("verified", "yes"),
        ("account_age_days", -0.5),
        ("account_age_days", math.nan),
        ("account_age_days", 36_501.0),
    ],
)
def test_what_can_not_be_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(AccountInputError, match=rf"^account 1: {field} must be .* or missing$") as caught:
        MODEL.score([PERSON, replace(PERSON, **{field: value})])
    assert (caught.value.row, caught.value.field) == (1, field)
    assert caught.value.allowed


@pytest.mark.parametrize("value", [10**400, -(10**400)], ids=["large", "small"])
def test_a_number_that_no_float_holds_is_refused_by_name(value: int) -> None:
    with pytest.raises(AccountInputError, match=r"^account 1: followers must be"):
        MODEL.score([PERSON, replace(PERSON, followers=value)])


def test_more_patterns_of_missing_inputs_than_are_remembered_score_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [replace(PERSON, **{one: None, other: None}) for one in NAMES[:4] for other in NAMES[4:8]]
    expected = MODEL.score(rows)
    monkeypatch.setattr(attribution, "_PATTERNS", 2)
    assert AccountRiskModel.load(SPEC).score([*rows, *rows]) == (*expected, *expected)


def test_the_largest_values_still_have_a_score() -> None:
    largest: dict[str, Any] = {one.name: one.kind is InputKind.FLAG or one.largest for one in INPUTS}
    extreme = AccountInputs(**largest)
    (found,) = MODEL.score([extreme])
    assert 0.0 <= found.probability <= 1.0


def test_other_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AccountRiskUnavailable, match="not those of the catalogue"):
        AccountRiskModel.load(replace(SPEC, weights_sha256="0" * 64))
    with pytest.raises(AccountRiskUnavailable, match="not those of the catalogue"):
        AccountRiskModel.load(replace(SPEC, version="99"))
    with pytest.raises(AccountRiskUnavailable, match="no account risk model"):
        AccountRiskModel.load(catalogue()["text_spam"])
    broken = tmp_path / "deltas.safetensors"
    broken.write_bytes(SPEC.weights_path().read_bytes()[:-100])
    with pytest.raises(AccountRiskUnavailable):
        load_network(broken)


def test_a_code_counts_bins_and_marks_what_is_missing() -> None:
    code = ChannelCode(np.array([0.0, 1.0, 3.0]))
    found = code.encode(np.array([-5.0, 0.5, 2.0, 99.0, np.nan]))
    assert found.tolist() == [[0, 0, 0], [0.5, 0, 0], [1, 0.5, 0], [1, 1, 0], [0, 0, 1]]


def test_edges_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValueError, match="rising"):
        ChannelCode(np.array([0.0, 0.0]))


def test_codes_are_fitted_to_known_values_alone() -> None:
    rows = [replace(PERSON, followers=n, following=None if n % 2 else n) for n in range(1, 60)]
    numbers = values([*rows, FLEET])
    numbers += np.random.default_rng(0).integers(0, 3, size=numbers.shape)
    codes = fitted_codes(channels(numbers), bins=4)
    assert np.isfinite(encoded(channels(numbers), codes)).all()


def _described(spec: DetectorSpec) -> tuple[Modality, Engine, tuple[str, ...]]:
    return spec.modality, spec.engine, spec.labels


def test_the_catalogue_runs_it_on_no_content() -> None:
    assert _described(SPEC) == (Modality.ACCOUNT, Engine.PROCESS, ("automated",))
    assert SPEC.inputs == ()
    assert SPEC.output is None


def test_committed_metrics_are_of_the_committed_weights_and_meet_the_target() -> None:
    metrics = json.loads((SPEC.folder() / "metrics.json").read_text())
    assert metrics["weights_sha256"] == sha256_of(SPEC.weights_path()) == SPEC.weights_sha256
    ours = metrics["compared"]["account_risk"]
    assert ours["auc"] >= 0.97
    others = [name for name in metrics["compared"] if "boosting" in name or name.endswith(" alone")]
    assert len(others) >= 4 + len(NAMES)
    assert all(metrics["compared"][name]["auc_lead"]["mean"] > 0 for name in others)
    assert metrics["ece"] <= 0.04
