"""Parts of `make test` are run, counted and stopped, and what failed is the last thing that is said."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests import parts
from tests.everything import PARTS, main
from tests.groups import Group
from tests.parts import NOTHING_TO_RUN, Behind, Ended, Part, run
from tests.summary import Busy, behind, failures, table


@pytest.fixture(autouse=True)
def _logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LOGS", tmp_path)


def _part(name: str, program: str, priority: int = 0) -> Part:
    return Part(name, (sys.executable, "-c", program), f"make {name}", priority)


def test_cpu_time_is_that_of_the_command_and_of_the_processes_that_it_waited_for() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    ended = run(_part("spin", f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {spin!r}])\n{spin}"))
    assert not ended.failed
    assert ended.cpu_s >= 0.6
    assert Busy.now().seconds > 0


def test_parts_behind_run_one_after_the_other_with_their_priority_and_print_into_their_logs(tmp_path: Path) -> None:
    # The priority is given once the process is there, so they look at it until it has come.
    waiting = f"import os, time\nwhile os.nice(0) < {min(19, os.nice(0) + 3)}: time.sleep(0.01)\n"
    first, second = tmp_path / "first", tmp_path / "second"
    both = [
        _part("one", f"{waiting}open({str(first)!r}, 'x'); print('it', flush=True)", 3),
        _part("two", f"{waiting}open({str(first)!r}); open({str(second)!r}, 'x'); raise SystemExit('ended')", 3),
    ]
    with Behind(both) as running:
        ended = running.wait()
    assert [(each.part.name, each.status, each.shown) for each in ended] == [("one", 0, False), ("two", 1, False)]
    assert [each.log.read_text() for each in both] == ["it\n", "ended\n"]


def test_what_runs_behind_is_stopped_when_nobody_waits_for_it_and_nothing_more_is_started(tmp_path: Path) -> None:
    begun, never = tmp_path / "begun", tmp_path / "never"
    waiting = _part("waiting", f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(600)")
    after = _part("after", f"import pathlib; pathlib.Path({str(never)!r}).touch()")
    running = Behind([waiting, after])
    with running:
        while not begun.exists():
            time.sleep(0.01)
    assert [each.status for each in running.wait()] == [-15]
    assert not never.exists()


def test_what_could_not_be_run_behind_is_told_by_whoever_waits() -> None:
    with Behind([Part("missing", ("/no/such/command",), "")]) as others, pytest.raises(FileNotFoundError):
        others.wait()


def test_a_part_in_front_is_told_and_waited_for_when_make_test_is_ended(tmp_path: Path) -> None:
    begun, cleaned = tmp_path / "begun", tmp_path / "cleaned"
    inner = (
        f"import pathlib, time\ntry:\n    pathlib.Path({str(begun)!r}).touch(); time.sleep(600)\n"
        f"except KeyboardInterrupt:\n    pathlib.Path({str(cleaned)!r}).touch()"
    )
    outer = (
        "import signal, sys\nfrom tests.parts import Part, run\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        f"run(Part('front', (sys.executable, '-c', {inner!r}), 'make front'))"
    )
    process = subprocess.Popen([sys.executable, "-c", outer], cwd=parts.ROOT)
    while not begun.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.terminate()
    assert process.wait() == 143
    assert cleaned.exists()


def test_what_failed_is_said_last_with_each_test_as_one_would_run_it(tmp_path: Path) -> None:
    tests = tmp_path / "test_some.py"
    tests.write_text(
        "import pytest\n@pytest.mark.parametrize('of', ['a b', 'c'])\ndef test_it(of):\n    assert of == 'c'\n"
    )
    cache = tmp_path / "cache"
    command = (sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={cache}", "--rootdir", str(tmp_path), str(tests))
    red = replace(_part("beside", ""), command=command, cache=cache)
    with Behind([_part("images", "print('all is well'); raise SystemExit(4)"), _part("light", "print('fine')")]) as it:
        ended = [run(red), run(_part("alone", "")), *it.wait()]
    said = failures(ended).splitlines()
    assert said[0] == "FAILED beside (exit 1). Run it again: make beside"
    assert said[2].endswith("-m pytest 'test_some.py::test_it[a b]'")
    assert said[3:] == ["FAILED images (exit 4). Run it again: make images"]
    unseen = behind(ended)
    assert unseen.index("== light") < unseen.index("== images") < unseen.index("all is well")


def test_of_what_passed_behind_only_the_end_is_said(tmp_path: Path) -> None:
    passed = Ended(_part("light", ""), 0, 1, 1, shown=False)
    passed.part.log.write_text(
        "...\n==== short test summary info ====\nSKIPPED [1] t.py: no such server\n1 skipped in 1s\n"
    )
    assert behind([passed]).splitlines()[:3] == ["== light", "SKIPPED [1] t.py: no such server", "1 skipped in 1s"]
    passed.part.log.write_text("...\n2 passed in 1s\n")
    assert behind([passed]).splitlines() == ["== light", "2 passed in 1s", f"({tmp_path / 'light.log'})"]


def test_the_table_has_every_part_and_the_whole() -> None:
    ended = [Ended(_part("checks", ""), 0, 61, 90), Ended(_part("alone", ""), 1, 500, 412)]
    rows = table(ended, wall_s=561.4, busy_s=800).splitlines()
    assert [row.split() for row in rows[:4]] == [
        ["part", "wall", "CPU"],
        ["checks", "61", "s", "90", "s", "passed"],
        ["alone", "500", "s", "412", "s", "FAILED"],
        ["all", "561", "s", "502", "s"],
    ]


@pytest.mark.parametrize(("may_be_empty", "failed"), [(True, False), (False, True)])
def test_a_part_without_tests_fails_unless_tests_were_chosen(*, may_be_empty: bool, failed: bool) -> None:
    part = replace(_part("beside", ""), may_be_empty=may_be_empty)
    assert Ended(part, NOTHING_TO_RUN, 1, 1).failed is failed


def test_every_group_is_a_part_and_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(Group) < set(PARTS)
    with pytest.raises(SystemExit, match="2"):
        main(["--part", "all"])
    assert "checks" in capsys.readouterr().err
