"""Loads policies: a directory of YAML documents, or one document as the ledger has kept it."""

import json
from pathlib import Path

from tidegate.policy.compilation import compile_policy
from tidegate.policy.document import read_yaml, validated
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.policy_set import NoLivePolicyError, PolicySet
from tidegate.policy.problems import PolicyError, Problem
from tidegate.policy.schema import PolicyDocument
from tidegate.policy.vocabulary import Vocabulary, unknown_names

__all__ = ["NoLivePolicyError", "PolicyError", "PolicySet", "compile_document", "load_policies", "load_policy"]


def load_policies(directory: Path, *, vocabulary: Vocabulary | None = None) -> PolicySet:
    """Every policy of a directory (`*.yaml`, not its folders).

    Args:
        directory: Where the documents are.
        vocabulary: Names that policies may use; None to take them on trust.

    Raises:
        PolicyError: Anything is wrong with any of them, or they contradict each other; every problem is named.
    """
    policies: dict[str, CompiledPolicy] = {}
    problems = list(_directory_problems(directory))
    for path in sorted(directory.glob("*.yaml")):
        try:
            policies[path.name] = load_policy(path, vocabulary=vocabulary)
        except PolicyError as error:
            problems += error.problems
    if problems:
        raise PolicyError(problems)
    return PolicySet(policies)


def load_policy(path: Path, *, vocabulary: Vocabulary | None = None) -> CompiledPolicy:
    """One policy. Raises PolicyError as `load_policies` does."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError([Problem(path.name, "", "can't be read as UTF-8 text")]) from error
    document = validated(read_yaml(text, file=path.name), PolicyDocument, file=path.name)
    policy = compile_policy(document, file=path.name)
    problems = [] if vocabulary is None else list(unknown_names(policy, vocabulary, file=path.name))
    if problems:
        raise PolicyError(problems)
    return policy


def compile_document(canonical_json: str) -> CompiledPolicy:
    """A policy from its canonical JSON, with the digest of exactly that text.

    Raises:
        PolicyError: It is not a policy document that this version understands.
    """
    file = "kept document"
    try:
        data = json.loads(canonical_json)
    except ValueError as error:
        raise PolicyError([Problem(file, "", "is not JSON")]) from error
    return compile_policy(validated(data, PolicyDocument, file=file), file=file, text=canonical_json)


def _directory_problems(directory: Path) -> list[Problem]:
    if not directory.is_dir():
        return [Problem(str(directory), "", "is not a directory")]
    problems = [Problem(path.name, "", "would be passed over; name it .yaml") for path in directory.glob("*.yml")]
    if not problems and not any(directory.glob("*.yaml")):
        problems.append(Problem(str(directory), "", "holds no policy (*.yaml)"))
    return problems
