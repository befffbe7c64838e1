"""What `tidegate demo` claims of its items is what is decided and recorded."""

import pytest

from tests.stack.running import Stack
from tidegate.cli.demo_items import demo_items
from tidegate.ledger.record_format import decode
from tidegate.ledger.sqlite_archive import SqliteArchive
from tidegate.moderation.decision import Action, Completeness, DecisionRecord
from tidegate.moderation.detection import DetectorStatus

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]  # whole stacks start within


@pytest.fixture(scope="module")
def decided(stack: Stack) -> list[DecisionRecord]:
    done = stack.run("demo", timeout_s=300)
    assert done.returncode == 0, done.stderr
    assert "what to try next" in done.stdout
    archive = SqliteArchive(stack.ledger)
    try:
        return [decode(payload) for payload in archive.payloads()]
    finally:
        archive.close()


@pytest.fixture(scope="module")
def looped(decided: list[DecisionRecord]) -> list[DecisionRecord]:
    """Decisions on the account that the demo makes for its loop, in order."""
    return [record for record in decided if record.account_id.startswith("loop-")]


@pytest.fixture(scope="module")
def records(decided: list[DecisionRecord]) -> dict[str, DecisionRecord]:
    """The first decision by content id, of the demo's items."""
    found: dict[str, DecisionRecord] = {}
    for record in decided:
        if record.content_id.startswith("demo-"):
            found.setdefault(record.content_id, record)
    return found


def test_three_confirmed_blocks_hold_the_next_borderline_comment(looped: list[DecisionRecord]) -> None:
    actions = [record.action for record in looped]
    assert actions.count(Action.BLOCK) == 3
    assert actions[0] is Action.ALLOW
    assert actions[-1] is Action.REVIEW
    assert [violation.rule for violation in looped[-1].violations] == ["hate_borderline_after_blocks"]
    assert len({record.account_id for record in looped}) == 1


def test_every_item_of_the_demo_is_recorded(records: dict[str, DecisionRecord]) -> None:
    assert set(records) == {each.item.content_id for each in demo_items()}


def test_only_the_accounts_history_turns_the_borderline_comment_into_review(
    records: dict[str, DecisionRecord],
) -> None:
    assert records["demo-3"].action is Action.ALLOW
    assert records["demo-4"].action is Action.REVIEW
    assert [violation.rule for violation in records["demo-4"].violations] == ["hate_borderline_repeated"]


def test_a_market_overlay_holds_the_same_words(records: dict[str, DecisionRecord]) -> None:
    assert records["demo-5"].action is Action.REVIEW
    assert [violation.rule for violation in records["demo-5"].violations] == ["hate_likely"]


def test_a_stale_history_is_unknown_and_holds_them_too(records: dict[str, DecisionRecord]) -> None:
    assert (records["demo-6"].action, records["demo-6"].completeness) == (Action.REVIEW, Completeness.PARTIAL)


@pytest.mark.parametrize(
    ("item", "action"),
    [
        ("demo-1", Action.ALLOW),
        ("demo-2", Action.ALLOW),
        ("demo-7", Action.BLOCK),
        ("demo-8", Action.AGE_RESTRICT),
        ("demo-9", Action.REVIEW),
        ("demo-10", Action.ALLOW),
        ("demo-11", Action.REVIEW),
    ],
)
def test_the_other_items_show_what_they_are_there_for(
    records: dict[str, DecisionRecord], item: str, action: Action
) -> None:
    assert records[item].action is action


def test_what_arrives_while_triton_is_stopped_waits(records: dict[str, DecisionRecord]) -> None:
    record = records["demo-12"]
    assert (record.action, record.completeness) == (Action.REVIEW, Completeness.PARTIAL)
    assert record.inputs.detectors[0].status in {DetectorStatus.FAILED, DetectorStatus.TIMED_OUT}
