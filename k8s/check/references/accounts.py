"""Accounts whose token a pod carries ↔ the pods that have the same account."""

from collections.abc import Iterator

from k8s.check.findings import Finding
from k8s.check.references.selectors import pods_of
from k8s.check.rendering import Rendered

CHECK = "accounts"


def account_findings(rendered: Rendered) -> Iterator[Finding]:
    """Accounts with rights at the API server that are other pods', too.

    KubeRay binds the autoscaler's Role, which makes and deletes pods, to the account that the head's template names.
    """
    pods = pods_of(rendered)
    for asking in (each for each in pods if each.spec.get("automountServiceAccountToken", True)):
        account = asking.spec.get("serviceAccountName", "default")
        others = {
            each.group or each.owner.title
            for each in pods
            if each is not asking
            and each.owner.namespace == asking.owner.namespace
            and each.spec.get("serviceAccountName", "default") == account
        }
        if others:
            where = f"{asking.path}.spec.serviceAccountName"
            problem = f"{account} may ask the API server, and is the account of {', '.join(sorted(others))}, too"
            yield Finding(CHECK, rendered.name, asking.owner.title, where, problem, "an account of its own")
