"""The report: one HTML page that loads nothing."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from loadtests.locust.gate import Verdict
from loadtests.locust.load_curves import curves_of
from loadtests.locust.markup import table
from loadtests.locust.run_record import RunRecord
from loadtests.locust.run_sections import section_of
from loadtests.locust.sample import Sample

REPORT = "report.html"


def page_of(
    runs: Sequence[RunRecord],
    verdicts: Sequence[Verdict],
    *,
    samples: Mapping[int, Sequence[Sample]] | None = None,
    cautions: Sequence[str] = (),
) -> str:
    """The whole page.

    Args:
        runs: At least one; the curves are drawn over the levels of all open-loop runs of one mix.
        verdicts: What the gate said; none if there was none.
        samples: Of the runs that are to be drawn second by second, by place in `runs`.
        cautions: What is to be known of all runs together.
    """
    template = Template(Path(__file__).with_name("report_page.html").read_text())
    chosen = samples or {}
    sections = [_verdicts(verdicts), _warnings(runs, cautions), *curves_of(runs)]
    sections += [section_of(run, chosen.get(number, ())) for number, run in enumerate(runs)]
    return template.substitute(title="Tidegate under load", facts=_facts(runs[0]), sections="".join(sections))


def _facts(run: RunRecord) -> str:
    return escape(
        f"{run.made} · good is a complete decision within the budget, from the intended start · callers give up after"
        f" {run.deadline_ms:g} ms · seed {run.seed} · {run.machine}"
    )


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    rows = [
        (
            f'<b class="{"good" if each.holds else "bad"}">{"holds" if each.holds else "breached"}</b>',
            escape(each.measure),
            escape(each.shown),
            escape(each.target),
        )
        for each in verdicts
    ]
    return "<h2>Thresholds</h2>" + table(("", "measure", "value", "target"), rows, kind="verdicts")


def _warnings(runs: Sequence[RunRecord], cautions: Sequence[str]) -> str:
    lines = [*cautions]
    lines += [each for run in runs for each in run.warnings]
    lines += [f"{run.plan.written()}: not all of it was run" for run in runs if not run.finished]
    if not lines:
        return ""
    return "<h2>Read with care</h2><ul>" + "".join(f"<li>{escape(each)}</li>" for each in lines) + "</ul>"
