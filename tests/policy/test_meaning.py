"""What conditions mean here is what CEL's own engine makes of them, missing signals and all."""

from collections.abc import Mapping
from typing import Any

import cel
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tidegate.moderation.signals import FeatureScalar
from tidegate.policy.account_reference import evaluated
from tidegate.policy.condition import compile_condition
from tidegate.policy.condition_parser import evaluable

NUMBERS = ("account.x.a", "account.x.b", "score.d.l", "severity.d.l")
TEXTS = ("account.x.plan", "item.market", "item.language")
TRUTHS = ("account.known", "account.x.verified", "account.x.a.fresh", "item.language_undetermined")
EXACT = 2**53
"""From here on not every whole number is a 64-bit float."""

number_literals = st.sampled_from(
    ["0", "1", "2", "007", "0.0", "0.5", "1.0", "2.50", "9007199254740992.0", "9007199254740993", "-1", "-0.5"]
)
text_literals = st.sampled_from(["''", "'a'", '"b"', "'SE'", "'a\\\\n'", "'\\n'", "'\\u00e4'", "'ä'", '"it\'s"'])
listed_numbers = number_literals.filter(lambda literal: not literal.startswith("-"))
known_numbers = (
    st.integers(-2, 3)
    | st.sampled_from([EXACT - 1, EXACT, EXACT + 1, -(2**63), 2**63 - 1])
    | st.sampled_from([0.0, -0.0, 0.5, 1.0, 2.0, 2.5, -0.5, float(EXACT), float(2**63), 1e300])
)
known_texts = st.sampled_from(["a", "b", "SE", "\n", "\\n", "ä", "it's", "ab", "z"])


def _listed(literals: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(literals, min_size=1, max_size=4).map(lambda items: f"[{', '.join(items)}]")


def _compared(signals: tuple[str, ...], literals: st.SearchStrategy[str], signs: list[str]) -> st.SearchStrategy[str]:
    operands = st.sampled_from(signals) | literals
    return st.builds(lambda left, sign, right: f"{left} {sign} {right}", operands, st.sampled_from(signs), operands)


ORDERED = ["==", "!=", "<", "<=", ">", ">="]
atoms = st.one_of(
    st.sampled_from([*TRUTHS, "true", "false"]),
    _compared(NUMBERS, number_literals, ORDERED),
    _compared(TEXTS, text_literals, ORDERED),
    _compared(TRUTHS, st.sampled_from(["true", "false"]), ["==", "!="]),
    st.builds(lambda signal, values: f"{signal} in {values}", st.sampled_from(NUMBERS), _listed(listed_numbers)),
    st.builds(lambda signal, values: f"{signal} in {values}", st.sampled_from(TEXTS), _listed(text_literals)),
    st.builds(
        lambda signal, test, argument: f"{signal}.{test}({argument})",
        st.sampled_from(TEXTS),
        st.sampled_from(["startsWith", "endsWith", "contains"]),
        text_literals | st.sampled_from(TEXTS),
    ),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(lambda one: f"!({one})", inner),
        st.builds(lambda one, sign, other: f"({one}) {sign} ({other})", inner, st.sampled_from(["==", "!="]), inner),
        st.builds(
            lambda operands, sign: f" {sign} ".join(f"({one})" for one in operands),
            st.lists(inner, min_size=2, max_size=4),
            st.sampled_from(["&&", "||"]),
        ),
    ),
    max_leaves=8,
)
signals = st.fixed_dictionaries(
    {
        **{name: st.none() | known_numbers for name in NUMBERS},
        **{name: st.none() | known_texts for name in TEXTS},
        **{name: st.none() | st.booleans() for name in TRUTHS},
    }
)


@settings(max_examples=600, deadline=None)
@given(conditions, signals)
@example("account.x.a == 9007199254740992.0", {"account.x.a": EXACT + 1})
@example("account.x.a in [1, 9007199254740992.0]", {"account.x.a": EXACT + 1})
@example("account.x.a < account.x.b", {"account.x.a": EXACT, "account.x.b": EXACT + 1})
@example("item.market.contains('')", {"item.market": "SE"})
def test_a_condition_comes_to_what_the_cel_engine_makes_of_it(
    source: str, known: Mapping[str, FeatureScalar | None]
) -> None:
    known = {**dict.fromkeys((*NUMBERS, *TEXTS, *TRUTHS)), **known}
    assert compile_condition(source).meaning(known) is _engine(source, known)


def _engine(source: str, known: Mapping[str, FeatureScalar | None]) -> bool | None:
    tree: dict[str, Any] = {root: {} for root in ("item", "score", "severity", "account", "fresh")}
    for name, value in known.items():
        if value is not None:
            *steps, last = evaluated(name.split("."))
            node = tree
            for step in steps:
                node = node.setdefault(step, {})
            node[last] = value
    try:
        result = cel.compile(evaluable(source)).execute(cel.Context(tree))
    except KeyError:  # what the engine says to a missing signal that nothing made up for
        return None
    assert isinstance(result, bool)
    return result
