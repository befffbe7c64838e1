"""`tidegate policy`: checks, tests and shows policies without starting anything."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tidegate.models.catalogue import CatalogueError
from tidegate.policy.cases import CaseResult, run_cases, unexercised
from tidegate.policy.compiled_rule import CompiledRule
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.loader import PolicyError, PolicySet, load_policies
from tidegate.policy.markets import MARKETS
from tidegate.policy.schema import Mode
from tidegate.policy.vocabulary import Vocabulary, installed_vocabulary

PACKAGED = Path(__file__).resolve().parent.parent / "policies"
"""The policies that come with Tidegate."""

_DIRECTORY = click.Path(path_type=Path, exists=True, file_okay=False)
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.group()
def policy() -> None:
    """Policies: check them, run their cases, show the rules as they apply."""


@policy.command()
@click.argument("directory", type=_DIRECTORY, required=False)
@_AS_JSON
def check(directory: Path | None, as_json: bool) -> None:
    """Checks the policies in DIRECTORY (those that come with Tidegate by default).

    Fails if one of them is wrong, if two contradict each other, or if some content would have no policy.
    """
    policies = _load(directory, as_json=as_json)
    gaps = policies.gaps()
    if as_json:
        _print_json({"ok": not gaps, "policies": [_summary(one) for one in policies], "gaps": gaps, "problems": []})
    else:
        table = _table("policy", "version", "mode", "surfaces", "markets", "rules", "digest")
        table.columns[-1].no_wrap = True
        for one in policies:
            summary = _summary(one)
            cells = (summary[key] for key in ("id", "version", "mode", "surfaces", "markets", "rules"))
            table.add_row(*(_words(cell) for cell in cells), one.reference.digest[:12])
        Console().print(table)
        for gap in gaps:
            click.echo(f"Error: nothing decides for {gap}", err=True)
    _exit(failed=bool(gaps))


@policy.command()
@click.argument("directory", type=_DIRECTORY, required=False)
@_AS_JSON
def test(directory: Path | None, as_json: bool) -> None:
    """Runs the cases in DIRECTORY/cases. Fails if one comes out otherwise than it says, or if there is none."""
    policies = _load(directory, as_json=as_json)
    try:
        results = run_cases(policies, _directory(directory) / "cases", vocabulary=_vocabulary())
    except PolicyError as error:
        _refuse(error, as_json=as_json)
    untested = unexercised(policies, results)
    failed = sum(bool(result.differences) for result in results)
    if as_json:
        rows = [_result(result) for result in results]
        _print_json({"ok": bool(results) and not failed, "cases": rows, "unexercised": untested, "problems": []})
    else:
        _draw_results(results)
        if untested:
            click.echo(f"No case makes these rules fire: {', '.join(untested)}")
        click.echo(f"{len(results) - failed} of {len(results)} cases pass")
    _exit(failed=failed > 0 or not results)


@policy.command()
@click.argument("policy_id", metavar="ID")
@click.option("--market", help="As the rules apply there, overlays resolved.")
@click.option("--version", type=click.IntRange(1), help="Which version, if there are several; by default the live one.")
@click.option("--directory", type=_DIRECTORY, help="Where the policies are.")
@_AS_JSON
def show(policy_id: str, market: str | None, version: int | None, directory: Path | None, as_json: bool) -> None:
    """Shows the rules of the policy ID."""
    if market is not None and market not in MARKETS:
        raise click.BadParameter("must be an ISO 3166-1 alpha-2 code in upper case, such as DE", param_hint="--market")
    policies = _load(directory, as_json=as_json)
    named = [one for one in policies if one.reference.id == policy_id and version in (None, one.reference.version)]
    if not named:
        known = ", ".join(f"{one.reference.id} (version {one.reference.version})" for one in policies)
        raise click.ClickException(f"there is no such policy; known: {known}")
    chosen = max(named, key=lambda one: (one.mode is Mode.LIVE, one.reference.version))
    if market is not None and chosen.markets is not None and market not in chosen.markets:
        raise click.ClickException(f"{policy_id} does not apply in {market}")
    rules = chosen.rules if market is None else chosen.rules_in(market)
    if as_json:
        _print_json({**_summary(chosen), "market": market, "rules": [_rule(rule) for rule in rules]})
    else:
        _draw_policy(chosen, rules, market)


def _directory(directory: Path | None) -> Path:
    return directory or PACKAGED


def _load(directory: Path | None, *, as_json: bool) -> PolicySet:
    try:
        return load_policies(_directory(directory), vocabulary=_vocabulary())
    except PolicyError as error:
        _refuse(error, as_json=as_json)


def _vocabulary() -> Vocabulary | None:
    try:
        return installed_vocabulary()
    except (CatalogueError, OSError) as error:
        click.echo(f"Warning: detector names are not checked, the catalogue can't be read: {error}", err=True)
        return None


def _summary(one: CompiledPolicy) -> dict[str, Any]:
    return {
        "id": one.reference.id,
        "version": one.reference.version,
        "mode": one.mode,
        "digest": one.reference.digest,
        "surfaces": one.surfaces,
        "markets": "all" if one.markets is None else sorted(one.markets),
        "overlaid_markets": sorted(one.rules_by_market),
        "rules": len(one.rules),
        "detectors": sorted(one.detectors),
        "features": sorted(one.features),
    }


def _result(result: CaseResult) -> dict[str, Any]:
    return {
        "file": result.file,
        "policy": result.policy.reference.id,
        "case": result.case.name,
        "passes": not result.differences,
        "action": result.outcome.action,
        "expected_action": result.case.expect.action,
        "rules": result.fired,
        "unknown": result.unknown,
        "differences": result.differences,
    }


def _rule(rule: CompiledRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "category": rule.category,
        "condition": rule.text,
        "action": rule.action,
        "on_unknown": rule.fallback or "no effect",
        "on_unsupported_language": rule.language_fallback or "no effect",
        "settles": rule.settles,
        "message": rule.message,
        "reporting": rule.reporting.model_dump(mode="json"),
    }


def _draw_results(results: Sequence[CaseResult]) -> None:
    table = _table("file", "case", "decision", "")
    for result in results:
        verdict = "[red]FAIL[/red] " + escape("; ".join(result.differences)) if result.differences else "pass"
        table.add_row(
            escape(result.file.removeprefix("cases/")), escape(result.case.name), result.outcome.action, verdict
        )
    Console().print(table)


def _draw_policy(chosen: CompiledPolicy, rules: Sequence[CompiledRule], market: str | None) -> None:
    console = Console()
    ordinary = {rule.id: rule for rule in chosen.rules}
    where = market or f"markets without an overlay (overlays: {_words(chosen.rules_by_market)})"
    title = f"{chosen.reference.id}, version {chosen.reference.version}, {chosen.mode}, for {_words(chosen.surfaces)}"
    console.print(f"{title}, in {where}", highlight=False)
    table = _table("rule", "fires when", "then", "if unknown", "if no detector reads it", "reported as")
    for rule in rules:
        changed = ordinary.get(rule.id) != rule
        name = f"[yellow]{escape(rule.id)} *[/yellow]" if changed else escape(rule.id)
        table.add_row(
            name,
            escape(rule.text),
            f"{rule.action}, settles the item" if rule.settles else rule.action,
            rule.fallback or "no effect",
            rule.language_fallback or "no effect",
            escape(rule.reporting.reference),
        )
    console.print(table)
    if market in chosen.rules_by_market:
        off = [rule_id for rule_id in ordinary if rule_id not in {rule.id for rule in rules}]
        console.print(f"* differs from other markets{'; not in force here: ' + ', '.join(off) if off else ''}")


def _table(*columns: str) -> Table:
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _words(value: Any) -> str:
    if isinstance(value, str | int):
        return str(value)
    return ", ".join(map(str, value)) or "none"


def _refuse(error: PolicyError, *, as_json: bool) -> NoReturn:
    if as_json:
        problems = [asdict(problem) for problem in error.problems]
        _print_json({"ok": False, "problems": problems})
    else:
        for problem in error.problems:
            click.echo(f"Error: {problem}", err=True)
    raise click.exceptions.Exit(1)


def _exit(*, failed: bool) -> None:
    if failed:
        raise click.exceptions.Exit(1)


def _print_json(document: Mapping[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False))
