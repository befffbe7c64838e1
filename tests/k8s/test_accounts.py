"""Accounts with rights at the API server that others have, too, told on a manifest broken in one place."""

from k8s.check.objects import Manifest
from k8s.check.references.accounts import account_findings
from tests.k8s.breaking import RAY, Broken, only


def test_a_head_with_the_account_of_all_pods_is_told_where_the_autoscaler_runs(broken: Broken) -> None:
    def share(ray: Manifest) -> None:
        next(ray.pods()).spec["serviceAccountName"] = "tidegate"

    finding = only(account_findings, broken("production", RAY, share))
    assert finding.field == "spec.rayClusterConfig.headGroupSpec.template.spec.serviceAccountName"
    assert finding.problem.startswith("tidegate may ask the API server, and is the account of CronJob")
    assert "routers, signals, speech, stages" in finding.problem
    assert list(account_findings(broken("local", RAY, share))) == [], "there no pod carries a token"
