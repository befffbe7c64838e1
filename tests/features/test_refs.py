import subprocess
import sys

from tidegate.features.refs import ACCOUNT_FEATURES, ACCOUNT_SIGNALS_V2, LastAction
from tidegate.moderation.decision import Action


def test_every_feature_says_its_unit_its_window_and_what_missing_means() -> None:
    for ref in ACCOUNT_SIGNALS_V2.refs():
        assert ref.feature.unit, ref.full_name
        assert ref.feature.window, ref.full_name
        assert ref.feature.missing, ref.full_name


def test_a_window_in_a_name_is_the_documented_window() -> None:
    for ref in ACCOUNT_SIGNALS_V2.refs():
        suffix = ref.feature.name.rsplit("_", 1)[-1]
        if suffix[-1] == "d" and suffix[:-1].isdigit():
            assert ref.feature.window == f"{suffix[:-1]} days", ref.full_name


def test_full_names_are_unique_and_carry_their_view() -> None:
    refs = ACCOUNT_SIGNALS_V2.refs()
    assert len(ACCOUNT_FEATURES) == len(refs)
    assert ACCOUNT_FEATURES["account_enforcement__strikes_90d"].view.name == "account_enforcement"


def test_last_actions_are_the_decisions_actions_that_leave_a_mark() -> None:
    assert {*LastAction} == {action.value for action in Action if action is not Action.ALLOW} | {"NONE"}


def test_names_and_options_can_be_had_without_feast() -> None:
    """Policy checks and `tidegate --help` must not wait seconds for Feast."""
    modules = "tidegate.features.refs, tidegate.features.commands, tidegate.cli.features"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; sys.exit('feast' in sys.modules)"], check=False
    )
    assert done.returncode == 0
