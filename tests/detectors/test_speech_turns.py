"""Short clips are not stuck behind long ones, long ones do not starve, and the pace is learned."""

from dataclasses import dataclass

from tidegate.detectors.speech.pace import Pace
from tidegate.detectors.speech.turns import Turns


@dataclass(eq=False)
class Listened:
    name: str
    left: int
    heard_s: float = 0.0


def served(turns: Turns[Listened], *, turn_s: float = 30.0) -> str:
    """Gives one turn and returns the name of whose it was."""
    place, clip = turns.take()
    clip.heard_s += turn_s
    clip.left -= 1
    if clip.left:
        turns.come_back(place, clip)
    return clip.name


def test_a_short_clip_that_comes_later_goes_before_the_long_one() -> None:
    turns: Turns[Listened] = Turns()
    turns.arrive(Listened("long", left=200))
    assert served(turns) == "long"
    turns.arrive(Listened("short", left=1))
    assert served(turns) == "short"


def test_clips_of_equal_progress_keep_their_order() -> None:
    turns: Turns[Listened] = Turns()
    for name in "abc":
        turns.arrive(Listened(name, left=1))
    assert "".join(served(turns) for _ in range(3)) == "abc"


def test_a_long_clip_goes_on_beneath_a_stream_of_short_ones() -> None:
    turns: Turns[Listened] = Turns()
    turns.arrive(Listened("long", left=200))
    order = ""
    for _ in range(40):
        turns.arrive(Listened("s", left=1))
        order += served(turns)[0]
    assert 8 <= order.count("l") <= 12


def test_the_pace_is_learned_from_the_work() -> None:
    pace = Pace()
    before = pace.expected_s(600)
    for _ in range(100):
        pace.note(30.0, 30.0)
    assert pace.expected_s(600) > before
    assert abs(pace.expected_s(600) - 600) < 10


def test_a_clip_takes_a_turn_at_least_however_short_it_is() -> None:
    pace = Pace()
    for _ in range(100):
        pace.note(0.5, 2.0)
    assert pace.expected_s(0.1) > 1.5
