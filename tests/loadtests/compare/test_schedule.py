from loadtests.compare import contenders as who
from loadtests.compare.load_plan import Kind
from loadtests.compare.schedule import FULL, QUICK, Detector, Tracing, contenders, load_plan, turns


def test_every_contender_has_one_turn_in_each_repeat() -> None:
    for repeat in (1, 2):
        assert sorted(turn.contender for turn in turns(FULL, repeat=repeat)) == sorted(contenders(FULL))


def test_the_order_turns_round_from_repeat_to_repeat() -> None:
    first, second = ([turn.contender for turn in turns(FULL, repeat=repeat)] for repeat in (1, 2))
    assert first == second[::-1]


def test_unary_calls_are_measured_at_all_callers_with_both_detectors() -> None:
    cells = next(turn.cells for turn in turns(FULL, repeat=1) if turn.contender == who.HANDWRITTEN)
    assert {(cell.detector, cell.shape.callers) for cell in cells} == {
        (detector, callers) for detector in Detector for callers in (1, 8, 32, 128)
    }


def test_naive_serve_is_spared_the_load_that_takes_it_longest_to_end() -> None:
    cells = {turn.contender: turn.cells for turn in turns(FULL, repeat=1)}
    asked = {
        name: {(cell.detector, cell.shape.callers) for cell in cells[name]} for name in (who.HANDWRITTEN, who.NAIVE)
    }
    assert asked[who.HANDWRITTEN] - asked[who.NAIVE] == {(Detector.REAL, 128)}


def test_both_topologies_stream_and_only_one_is_traced() -> None:
    cells = {turn.contender: turn.cells for turn in turns(FULL, repeat=1)}
    streaming = {name for name, each in cells.items() for cell in each if cell.shape.kind is Kind.STREAM}
    traced = {(name, cell.note) for name, each in cells.items() for cell in each if cell.note}
    assert streaming == {who.DISTRIBUTED, who.COLOCATED}
    assert traced == {(who.DISTRIBUTED, note) for note in Tracing}


def test_what_differs_in_tracing_is_measured_there_and_back() -> None:
    notes = [cell.note for turn in turns(FULL, repeat=1) for cell in turn.cells if cell.note]
    assert notes == [*Tracing, *reversed(Tracing)]


def test_the_detector_chooses_the_surface_and_so_the_policy() -> None:
    cells = turns(QUICK, repeat=1)[0].cells
    surfaces = {cell.detector: load_plan(cell, QUICK, address="a:1", seed=1).surface for cell in cells}
    assert len({*surfaces.values()}) == len(Detector)


def test_a_full_run_takes_less_than_a_quarter_of_an_hour_of_load() -> None:
    """Nine minutes of load leave six for starting, agreeing and stopping."""
    cells = FULL.repeats * sum(len(turn.cells) for turn in turns(FULL, repeat=1))
    assert cells * (FULL.warm_up_s + FULL.seconds) < 9 * 60
