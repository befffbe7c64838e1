"""How a decision is drawn for people. What callers named is never read as markup or as control codes."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tidegate.cli.decision_reasons import reasons
from tidegate.cli.shown_decision import ShownDecision
from tidegate.moderation.decision import Action, Completeness, RuleEvaluation, RuleValue, Violation
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.signals import Freshness, LookupStatus

ACTION_STYLES = {
    Action.ALLOW: "bold green",
    Action.LABEL: "bold cyan",
    Action.AGE_RESTRICT: "bold blue",
    Action.LIMIT_REACH: "bold magenta",
    Action.REVIEW: "bold yellow",
    Action.BLOCK: "bold red",
}
_COMPLETENESS_STYLES = {Completeness.COMPLETE: "green", Completeness.PARTIAL: "yellow", Completeness.FAILED: "red"}
_VALUE_STYLES = {RuleValue.TRUE: "bold", RuleValue.FALSE: "dim", RuleValue.UNKNOWN: "yellow"}
_TOP_SCORES = 3
_ANSWERED = {DetectorStatus.OK, DetectorStatus.NO_CONTENT, DetectorStatus.SKIPPED}


def drawn(decision: ShownDecision, evaluations: Sequence[RuleEvaluation] | None) -> Iterator[RenderableType]:
    """The pieces of the drawing, from the top."""
    yield _headline(decision)
    yield _identity(decision)
    yield from _reasons(decision.violations)
    if evaluations is not None:
        yield _spaced(_rules(evaluations))
    yield _spaced(_detectors(decision.inputs.detectors))
    yield from _attributions(decision.inputs.detectors)
    yield Text()
    yield from _account(decision)
    for shadow in decision.shadow:
        rules = ", ".join(map(plain, shadow.rules)) or "no rule"
        yield Text.assemble(
            f"shadow {plain(shadow.policy.id)} v{shadow.policy.version}: ",
            (shadow.action.value, ACTION_STYLES[shadow.action]),
            f" ({rules})",
        )
    longest_first = sorted((decision.hops_ms or {}).items(), key=lambda hop: (hop[0] == "total", -hop[1]))
    hops = " · ".join(f"{plain(hop)} {elapsed:.1f}" for hop, elapsed in longest_first)
    if hops:
        yield Text(f"time in ms: {hops}", style="dim")


def plain(text: str) -> str:
    """Without what could steer a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _headline(decision: ShownDecision) -> Text:
    inputs = decision.inputs
    return Text.assemble(
        (decision.action.value, ACTION_STYLES[decision.action]),
        "  ",
        (decision.completeness.value, _COMPLETENESS_STYLES[decision.completeness]),
        f"  {inputs.surface.value} in {plain(inputs.market)}, policy {plain(decision.policy.id)}",
        f" v{decision.policy.version}",
    )


def _identity(decision: ShownDecision) -> Table:
    """One id a line: each is copied whole from a narrow terminal."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in (
        ("content", decision.content_id),
        ("decision", decision.decision_id),
        ("trace", decision.trace_id),
    ):
        table.add_row(Text(name, style="dim"), Text(plain(value), style="dim", overflow="fold"))
    return table


def _reasons(violations: Sequence[Violation]) -> Iterator[RenderableType]:
    if not violations:
        yield Text("No rule fired.")
        return
    table = _table("why", "action", "score", "part", "in the rule's words")
    for reason in reasons(violations):
        only = reason.rules[0] if len(reason.rules) == 1 else None
        table.add_row(
            Text(plain(reason.title)),
            Text(reason.action.value, style=ACTION_STYLES[reason.action]),
            _score(only.score, only.threshold) if only else Text(""),
            Text(plain(only.part)) if only else Text(""),
            Text(plain(reason.words), style="yellow" if reason.unknown else ""),
        )
    yield _spaced(table)


def _rules(evaluations: Sequence[RuleEvaluation]) -> Table:
    table = _table("rule", "value", "score", "condition")
    for evaluation in evaluations:
        missing = f"  missing: {', '.join(evaluation.missing)}" if evaluation.missing else ""
        table.add_row(
            Text(plain(evaluation.rule)),
            Text(evaluation.value.value, style=_VALUE_STYLES[evaluation.value]),
            _score(evaluation.score, evaluation.threshold),
            Text(plain(evaluation.condition + missing)),
        )
    return table


def _detectors(runs: Sequence[DetectorRun]) -> Table:
    table = _table("detector", "part", "ran", "ms", "what it found: highest scores (severity)")
    for run in runs:
        name = Text(plain(f"{run.name} {run.version}".strip()) or "none")
        table.add_row(
            name.append(" (shadow)", style="dim") if run.shadow else name,
            Text(plain(run.part)),
            Text(run.status.value, style="green" if run.status in _ANSWERED else "yellow"),
            Text(f"{run.latency_ms:.1f}"),
            Text(plain(_found(run))),
        )
    return table


def _found(run: DetectorRun) -> str:
    """Scores with the moments where speech reached them, known items, the language, and what to do about PENDING."""
    highest = sorted(run.scores.items(), key=lambda item: -item[1])[:_TOP_SCORES]
    found = [_scored(run, label, score) for label, score in highest]
    found += [
        f"{match.bank}: {match.entry} at {match.distance} bits{', allowed' if match.allowed else ''}"
        for match in run.matches
    ]
    if run.language:
        found.append(f"language {run.language}")
    if run.status is DetectorStatus.PENDING:
        found.append("goes on; ask again with the same content")
    return ", ".join(found)


def _attributions(runs: Sequence[DetectorRun]) -> Iterator[Text]:
    """Which characters of a part a score comes from, if the request asked to explain."""
    for run in runs:
        for label in dict.fromkeys(one.label for one in run.attributions):
            words = [
                f"{one.start}\N{EN DASH}{one.end} ({one.weight:+.2f})" for one in run.attributions if one.label == label
            ]
            yield Text(plain(f"{run.name} {label} on {run.part} comes from characters {', '.join(words)}"), style="dim")


def _scored(run: DetectorRun, label: str, score: float) -> str:
    moment = run.moments.get(label) if run.severities.get(label) else None
    where = f" at {_clock(moment.start_ms)}\N{EN DASH}{_clock(moment.end_ms)}" if moment else ""
    return f"{label} {score:.2f} ({run.severities.get(label, '-')}){where}"


def _clock(moment_ms: int) -> str:
    """`1:02:03`, or `2:03` within the first hour."""
    minutes, seconds = divmod(moment_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _account(decision: ShownDecision) -> Iterator[RenderableType]:
    account = decision.inputs.account
    if account.status is LookupStatus.NOT_NEEDED:
        return
    if account.status is not LookupStatus.OK:
        yield Text(f"account signals: {account.status.value}", style="yellow")
    elif not account.known:
        yield Text("account signals: the account is not known", style="dim")
    missing = [value.name for value in account.values if value.freshness is Freshness.MISSING]
    if missing and account.known:
        yield Text(f"missing signals: {plain(', '.join(missing))}", style="yellow")
    if len(missing) == len(account.values):
        return
    table = _table("account signal", "value", "freshness", "true at (UTC)")
    for value in account.values:
        if value.freshness is Freshness.MISSING:
            continue
        table.add_row(
            Text(plain(value.name)),
            Text("" if value.value is None else plain(str(value.value))),
            Text(value.freshness.value, style="green" if value.freshness is Freshness.FRESH else "yellow"),
            Text("" if value.event_time is None else f"{value.event_time:%Y-%m-%d %H:%M:%S}"),
        )
    yield table


def _score(score: float | None, threshold: float | None) -> Text:
    if score is None and threshold is None:
        return Text("")
    return Text(f"{'-' if score is None else f'{score:.2f}'} / {'-' if threshold is None else f'{threshold:.2f}'}")


def _spaced(table: Table) -> Padding:
    """A blank line above."""
    return Padding(table, (1, 0, 0, 0))


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold dim", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
