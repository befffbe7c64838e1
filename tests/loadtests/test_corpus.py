"""What is sent: like a product's traffic, and the same again for the same seed."""

import io
import itertools
import random
from collections import Counter

import pytest
from PIL import Image

from loadtests.locust.corpus import Corpus, CorpusItem
from loadtests.locust.mixes import MIXES
from loadtests.locust.pictures import pictures
from loadtests.locust.zipf import Zipf
from tests.serving.in_process import serving
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb


def items(mix: str, count: int, *, seed: int = 1, part: int = 0) -> list[CorpusItem]:
    made = list(pictures(seed)) if mix == "mixed" else []
    return list(itertools.islice(Corpus(MIXES[mix], seed=seed, pictures=made, part=part), count))


def test_the_same_seed_sends_the_same_and_another_process_something_else() -> None:
    assert items("mixed", 50) == items("mixed", 50)
    first, other = items("mixed", 50), items("mixed", 50, part=1)
    assert [each.item.parts for each in first] != [each.item.parts for each in other]
    assert not {each.item.content_id for each in first} & {each.item.content_id for each in other}


def test_few_accounts_write_most() -> None:
    accounts = Counter(each.item.account_id for each in items("comments", 5_000))
    known = [count for account, count in accounts.most_common() if account.startswith("acct-")]
    assert sum(known[: len(known) // 10]) > 0.5 * sum(known)
    assert sum(account.startswith("new-") for account in accounts) == pytest.approx(250, rel=0.3)


def test_zipf_draws_ranks_in_proportion_to_their_inverse() -> None:
    drawn = random.Random(1)
    ranks = Counter(Zipf(100, skew=1.0).draw(drawn) for _ in range(20_000))
    assert ranks[0] / ranks[9] == pytest.approx(10, rel=0.25)
    assert max(ranks) <= 99


def test_the_mix_has_its_surfaces_pictures_repeats_and_long_texts() -> None:
    sent = items("mixed", 4_000)
    kinds = Counter(each.kind for each in sent)
    assert set(kinds) == {
        "comment",
        "profile",
        "profile+picture",
        "playlist",
        "playlist+picture",
        "podcast_episode",
    }
    assert kinds["comment"] == pytest.approx(3_280, rel=0.05)
    comments = [each.item.parts[0].text.text for each in sent if each.kind == "comment"]
    assert Counter(comments).most_common(1)[0][1] > 20
    words = sorted(len(each.split(" ")) for each in comments)
    assert words[len(words) // 2] < 12
    assert words[-1] > 60


def test_pictures_decode_and_are_as_large_as_files_that_people_upload() -> None:
    for each in itertools.islice(pictures(1), 5):
        picture = Image.open(io.BytesIO(each))
        picture.load()
        assert picture.width == picture.height >= 96
        assert len(each) > 5_000


async def test_the_service_takes_every_kind_of_item() -> None:
    """A corpus that is refused would measure nothing."""
    one_of_each = {each.kind: each for each in items("mixed", 1_500)}
    async with serving() as served:
        for each in one_of_each.values():
            response = await served.stub.Moderate(pb.ModerateRequest(item=each.item), timeout=20)
            assert response.decision.decision_id
