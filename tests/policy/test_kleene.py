"""Rules against brute-force oracles of three-valued logic."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.policy_samples import compiled, failed, inputs, known_account, not_covered, only, rule, scored
from tidegate.moderation.decision import Action, DecisionInputs, RuleValue
from tidegate.moderation.detection import DetectorStatus

TRUTH = {True: RuleValue.TRUE, False: RuleValue.FALSE, None: RuleValue.UNKNOWN}
SIGNALS = ("a", "b", "c")


@dataclass(frozen=True)
class Tree:
    """A condition: `sign` is "&&", "||", "!" or "" for an atom."""

    sign: str
    children: tuple["Tree", ...] = ()
    text: str = ""
    signal: str = ""
    threshold: int = 0
    truth: bool | None = None

    def value(self, known: dict[str, int | None]) -> bool | None:
        """Kleene's value, worked out from the definition of each connective."""
        if self.sign == "":
            if not self.signal:
                return self.truth
            signal = known[self.signal]
            return None if signal is None else signal >= self.threshold
        values = [child.value(known) for child in self.children]
        if self.sign == "!":
            return None if values[0] is None else not values[0]
        settling = self.sign == "||"
        if settling in values:
            return settling
        return None if None in values else not settling

    def written(self, outer: str = "") -> str:
        """As CEL, with parentheses only where its precedence needs them."""
        if self.sign == "":
            return f"({self.text})" if outer == "!" and self.signal else self.text
        if self.sign == "!":
            return f"!{self.children[0].written('!')}"
        text = f" {self.sign} ".join(child.written(self.sign) for child in self.children)
        return f"({text})" if outer == "!" or (outer == "&&" and self.sign == "||") else text


def compares(signal: str, threshold: int) -> Tree:
    return Tree("", text=f"account.history.{signal} >= {threshold}", signal=signal, threshold=threshold)


ATOMS = st.builds(compares, st.sampled_from(SIGNALS), st.integers(0, 2)) | st.sampled_from(
    [Tree("", text="true", truth=True), Tree("", text="false", truth=False)]
)
TREES = st.recursive(
    ATOMS,
    lambda inner: (
        st.builds(lambda child: Tree("!", (child,)), inner)
        | st.builds(
            lambda sign, children: Tree(sign, tuple(children)),
            st.sampled_from(["&&", "||"]),
            st.lists(inner, min_size=2, max_size=3),
        )
    ),
    max_leaves=10,
)
KNOWN = st.fixed_dictionaries({signal: st.none() | st.integers(0, 2) for signal in SIGNALS})


def of(known: dict[str, int | None], severity: int | None = 7) -> DecisionInputs:
    run = failed() if severity is None else scored(hate=severity)
    values = {f"account_history__{name}": value for name, value in known.items() if value is not None}
    stale = [f"account_history__{name}" for name, value in known.items() if value is None]
    return inputs(run, account=known_account(values, stale=stale))


@settings(max_examples=150, deadline=None)
@given(TREES, KNOWN)
def test_a_condition_has_kleenes_value(tree: Tree, known: dict[str, int | None]) -> None:
    """Missing signals settle nothing by themselves, and what the others settle stays settled, in any operand order."""
    evaluation = only(compiled(rule(detects=None, when=tree.written())).evaluate(of(known)))

    assert evaluation.value is TRUTH[tree.value(known)]
    assert bool(evaluation.missing) == (evaluation.value is RuleValue.UNKNOWN)
    assert all(known[name.removeprefix("account_history__")] is None for name in evaluation.missing)


@settings(max_examples=100, deadline=None)
@given(TREES, KNOWN, st.sampled_from([None, 4, 5]))
def test_detects_and_when_are_joined_by_kleenes_and(
    tree: Tree, known: dict[str, int | None], severity: int | None
) -> None:
    """Skipping the condition where the detector says no must not show in the value."""
    evaluation = only(compiled(rule(when=tree.written())).evaluate(of(known, severity)))

    meets = None if severity is None else severity >= 5
    both = (meets, tree.value(known))
    expected = False if False in both else None if None in both else True
    assert evaluation.value is TRUTH[expected]


RUN_KINDS = st.sampled_from(["ok", "no label", *DetectorStatus, "none"])
PARTS = st.lists(st.tuples(RUN_KINDS, st.integers(0, 7)), min_size=1, max_size=4)


def completions(parts: list[tuple[str, int]]) -> Iterator[tuple[int, ...]]:
    """Every way in which the unseen parts could have been scored."""
    return product(*(_possible(kind, severity) for kind, severity in parts))


def _possible(kind: str, severity: int) -> list[int]:
    if kind == "NO_CONTENT":
        return [0]
    return [severity] if kind in ("ok", "OK") else [0, 7]


@settings(max_examples=120, deadline=None)
@given(PARTS, st.integers(1, 7))
def test_detects_is_known_only_if_no_unseen_part_could_change_it(parts: list[tuple[str, int]], threshold: int) -> None:
    """TRUE or FALSE must hold in every completion of what was not seen; otherwise the rule is unknown."""
    runs = []
    for index, (kind, severity) in enumerate(parts):
        part = f"p{index}"
        if kind in ("ok", "OK"):
            runs.append(scored(part, hate=severity))
        elif kind == "no label":
            runs.append(scored(part, threat=7))
        elif kind == "NOT_COVERED":
            runs.append(not_covered(part))
        elif kind != "none":
            runs.append(failed(part, status=DetectorStatus(kind)))
    detects = {"detector": "text_harm", "label": "hate", "min_severity": threshold}
    item = inputs(*runs, parts=[f"p{index}" for index in range(len(parts))])
    evaluation = only(compiled(rule(detects=detects)).evaluate(item))

    worlds = {max(completion) >= threshold for completion in completions(parts)}
    assert evaluation.value is TRUTH[worlds.pop() if len(worlds) == 1 else None]


@settings(max_examples=100, deadline=None)
@given(st.lists(TREES, min_size=1, max_size=4), KNOWN, st.sets(st.sampled_from(SIGNALS)), st.booleans())
def test_losing_signals_never_turns_an_item_to_allow(
    trees: list[Tree], known: dict[str, int | None], lost: set[str], detector_lost: bool
) -> None:
    """Under fail_closed, what was not ALLOW with all signals is not ALLOW with fewer."""
    policy = compiled(*(rule(f"r{index}", action="LABEL", when=tree.written()) for index, tree in enumerate(trees)))
    full = policy.evaluate(of(known))
    less = policy.evaluate(of({**known, **dict.fromkeys(lost)}, None if detector_lost else 7))

    assert full.action is Action.ALLOW or less.action is not Action.ALLOW


def test_the_engine_absorbs_a_missing_operand_in_both_orders() -> None:
    """The property of the CEL library that the rest relies on, stated alone so that an upgrade that loses it shows."""
    item = inputs(scored(hate=0))
    for condition, value in {
        "account.history.a > 1 && false": RuleValue.FALSE,
        "false && account.history.a > 1": RuleValue.FALSE,
        "account.history.a > 1 || true": RuleValue.TRUE,
        "true || account.history.a > 1": RuleValue.TRUE,
        "account.history.a > 1 && true": RuleValue.UNKNOWN,
        "true && account.history.a > 1": RuleValue.UNKNOWN,
        "account.history.a > 1 || false": RuleValue.UNKNOWN,
        "false || account.history.a > 1": RuleValue.UNKNOWN,
        "!(account.history.a > 1)": RuleValue.UNKNOWN,
    }.items():
        assert only(compiled(rule(detects=None, when=condition)).evaluate(item)).value is value, condition


def test_a_rule_is_evaluated_the_same_whatever_stands_beside_it() -> None:
    """The context is built once per item and shared, so one rule must not see what another one asked for."""
    item = replace(inputs(scored(hate=7)), account=known_account({"account_history__a": 1}))
    alone = compiled(rule("x", when="account.history.a == 1")).evaluate(item).evaluations[0]
    beside = compiled(rule("w", when="account.history.b == 'z'"), rule("x", when="account.history.a == 1"))
    assert beside.evaluate(item).evaluations[1] == alone
