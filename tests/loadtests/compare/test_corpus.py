from itertools import islice

from loadtests.compare import corpus
from loadtests.compare.contenders import POLICIES
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.moderation.item import Surface
from tidegate.policy.loader import load_policies


def test_no_text_comes_twice() -> None:
    """A cache of scores must not decide a comparison."""
    texts = [item.text for seed in (1, 2) for item in islice(corpus.items(seed, accounts=50), 4_000)]
    assert len({*texts}) == len(texts)


def test_the_same_seed_gives_the_same_items() -> None:
    first, second = (list(islice(corpus.items(7, accounts=50), 20)) for _ in range(2))
    assert first == second


def test_few_accounts_write_much_and_some_are_unknown() -> None:
    accounts = [item.account for item in islice(corpus.items(3, accounts=200), 2_000)]
    assert accounts.count("acct-00001") > 20 * accounts.count("acct-00150")
    assert sum(account.startswith("nobody-") for account in accounts) == 100


def test_streamed_items_carry_their_position_as_correlation_id() -> None:
    asked = list(islice(corpus.requests(1, accounts=5, surface=corpus.CHEAP), 3))
    streamed = [pb.ModerateStreamRequest.FromString(each) for each in corpus.streamed(asked)]
    assert [each.correlation_id for each in streamed] == ["0", "1", "2"]
    assert [each.request for each in streamed] == asked
    assert [pb.ModerateRequest.FromString(each) for each in corpus.unary(asked)] == asked


def test_the_policies_ask_one_detector_each_and_leave_no_surface_undecided() -> None:
    policies = load_policies(POLICIES)
    assert policies.gaps() == ()
    assert policies.live_for(Surface.COMMENT, "SE").detectors == {"text_spam"}
    assert policies.live_for(Surface.PROFILE, "SE").detectors == {"text_harm"}
