"""What pods may do beyond what they need, told on a manifest broken in one place."""

import pytest

from k8s.check.objects import Manifest
from k8s.check.references.hardening import hardening_findings
from tests.k8s.breaking import TRITON, Broken, container_of, only


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("readOnlyRootFilesystem", False, "True"),
        ("allowPrivilegeEscalation", True, "False"),
        ("capabilities", {"drop": ["NET_RAW"]}, "{'drop': ['ALL']}"),
    ],
)
def test_a_container_that_may_more_than_restricted_ones_is_told(
    broken: Broken, field: str, value: object, allowed: str
) -> None:
    def loosen(triton: Manifest) -> None:
        container = container_of(triton)
        container["securityContext"] = {**container["securityContext"], field: value}

    finding = only(hardening_findings, broken("local", TRITON, loosen))
    assert finding.field.endswith(f"containers[triton].securityContext.{field}")
    assert finding.allowed == allowed


def test_a_pod_as_root_and_a_container_without_a_request_are_told(broken: Broken) -> None:
    def loosen(triton: Manifest) -> None:
        pod = next(triton.pods())
        pod.spec["securityContext"] = {"seccompProfile": {"type": "RuntimeDefault"}}
        del container_of(triton)["resources"]["requests"]["cpu"]

    fields = {each.field.rpartition(".")[2] for each in hardening_findings(broken("local", TRITON, loosen))}
    assert fields == {"runAsNonRoot", "runAsUser", "requests"}
