"""Which conditions are accepted, what they read, and why others are refused."""

import pytest

from tidegate.policy.condition import ConditionError, Kind, compile_condition


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("account.known", {"account.known": Kind.BOOL}),
        ("!account.profile.verified", {"account.profile.verified": Kind.BOOL}),
        ("account.profile.plan in ['free', 'trial']", {"account.profile.plan": Kind.STRING}),
        ("account.profile.plan.contains('free')", {"account.profile.plan": Kind.STRING}),
        ("-5 < severity.text_harm.hate", {"severity.text_harm.hate": Kind.NUMBER}),
        (
            'item.market == \'a && b\' || item.source != "x\\""',
            {"item.market": Kind.STRING, "item.source": Kind.STRING},
        ),
        (
            "account.a.b == account.c.d && account.c.d == 'x'",
            {"account.a.b": Kind.STRING, "account.c.d": Kind.STRING},
        ),
        ("account.a.b <= account.c.d", {"account.a.b": Kind.NUMBER, "account.c.d": Kind.NUMBER}),
        ("(item.market == 'SE') == true", {"item.market": Kind.STRING}),
        ("(((true)))", {}),
    ],
)
def test_types_follow_from_what_a_signal_is_compared_with(source: str, kinds: dict[str, Kind]) -> None:
    assert {str(reference): kind for reference, kind in compile_condition(source).kinds.items()} == kinds


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "ends too early"),
        ("1 ==", "ends too early"),
        ("account.known)", "has ')' where it should end"),
        ("(account.known", "where ')' should be"),
        ("severity.text_harm.hate", "must be a true/false"),
        ("item.market", "must be a true/false"),
        ("!item.market", "what follows ! must be a true/false"),
        ("account.known && 3", "right of && must be a true/false"),
        ("item.market == 3", "compares item.market (a text) with 3 (a number)"),
        ("account.known < true", "< has no meaning for true/false"),
        ("account.profile.plan == 3 && account.profile.plan == 'x'", "compares account.profile.plan (a number)"),
        ("account.profile.plan && account.profile.plan == 'x'", "compares account.profile.plan (a true/false)"),
        ("account.a.b == account.c.d && account.a.b == 'x' && account.c.d == 1", "compares"),
        ("item.market in ['a', 3]", "compares 'a' (a text) with 3 (a number)"),
        ("item.market in [item.source]", "list of something other than plain values"),
        ("item.market in ['SE', item.source]", "list of something other than plain values"),
        ("item.market == ['SE']", "compares with a list"),
        ("item.text == 'x'", "reads item.text, which does not exist"),
        ("account.strikes > 1", "no account signal, or more than one, is called strikes"),
        ("account.strikes.fresh", "reads account.strikes.fresh, but no account signal"),
        ("account.profile.plan.stale", "reads account.profile.plan.stale, which does not exist"),
        ("account.strikes_90d.fresh > 1", "a number"),
        ("time.now > 3", "reads time.now, which does not exist"),
        ("has(account.profile.plan)", "calls has(); allowed functions: startsWith, endsWith, contains"),
        ("size(item.market) > 1", "calls size()"),
        ("item.market.matches('.*')", "calls item.market.matches()"),
        ("item.market.startsWith(3)", "argument of startsWith must be a text"),
        ("account.known ? true : false", "can't be read at '? true : false'"),
        ("severity.a.b + 1 > 2", "can't be read at '+ 1 > 2'"),
        ("account.known // always", "can't be read at '// always'"),
        ("item.market == 'x", "can't be read at"),
        ("9223372036854775808 > severity.a.b", "is not valid CEL"),
        ("account.a.in == 1", "is not valid CEL"),
        ("!" * 40 + "true", "nested more than 30 deep"),
        ("(" * 40 + "true" + ")" * 40, "nested more than 30 deep"),
    ],
)
def test_what_could_not_be_checked_is_refused(source: str, words: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(source)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
