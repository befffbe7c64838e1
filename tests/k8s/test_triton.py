"""Arguments of Triton that differ from what Tidegate starts it with, told on a manifest broken in one place."""

from k8s.check.references.triton import triton_findings
from tests.k8s.breaking import TRITON, Broken, container_of, only


def test_an_argument_that_only_the_manifest_has_is_told(broken: Broken) -> None:
    rendered = broken("local", TRITON, lambda triton: container_of(triton)["args"].append("--model-control-mode=poll"))
    assert "--model-control-mode=poll is in one of the two only" in only(triton_findings, rendered).problem
