from loadtests.compare.equality import agreement
from tidegate.api.moderation.v1 import decision_pb2 as pb

READ = frozenset({"account_profile__verified"})


def decided(
    action: "pb.Action.ValueType" = pb.ACTION_ALLOW, *, verified: bool = False, score: float = 0.25, posts: int = 1
) -> pb.Decision:
    return pb.Decision(
        action=action,
        detectors=[pb.DetectorRun(name="text_spam", status=pb.DETECTOR_STATUS_OK, scores={"spam": score})],
        features=[
            pb.FeatureValue(name="account_profile__verified", value=pb.FeatureScalar(bool_value=verified)),
            pb.FeatureValue(name="account_activity__posts_24h", value=pb.FeatureScalar(int_value=posts)),
        ],
    )


def test_the_same_action_from_the_same_scores_is_agreement() -> None:
    found = agreement([decided()], [decided(posts=9)], read=READ)
    assert (found.compared, found.equal, found.difference) == (1, 1, "")


def test_another_action_or_another_score_is_none() -> None:
    assert agreement([decided()], [decided(pb.ACTION_REVIEW)], read=READ).equal == 0
    found = agreement([decided()], [decided(score=0.75)], read=READ)
    assert found.equal == 0
    assert "0.75" in found.difference


def test_items_whose_policy_read_other_signals_do_not_count() -> None:
    found = agreement([decided(verified=True)], [decided(pb.ACTION_REVIEW)], read=READ)
    assert (found.compared, found.equal) == (0, 0)


def test_signals_that_only_other_policies_read_may_be_missing_from_ours() -> None:
    ours, theirs = decided(), decided()
    del ours.features[1]
    read = READ | {"account_activity__posts_24h"}
    assert agreement([ours], [theirs], read=read).compared == 1
    assert agreement([theirs], [ours], read=read).compared == 0
