"""How many routers there should be, for Serve: it does not see what its gRPC server hands to a router itself (`wire`).

Each router tells Serve what it has on its hands (`record_autoscaling_stats`); Serve asks the policy below, and applies
bounds, delays and factors of the deployment's `autoscaling_config` to its answer.
"""

from typing import Any, Final

from ray.serve.config import AutoscalingContext

ONGOING: Final = "tidegate_ongoing"
"""Name of the count, within Serve."""


def by_ongoing_requests(context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
    """As many routers as keep `target_ongoing_requests` each; as many as there are while none has told anything.

    Named in `autoscaling_config.policy.policy_function` of ModerationRouter.
    """
    told = (context.aggregated_metrics or {}).get(ONGOING, {})
    if not told:
        return context.target_num_replicas, {}
    wanted = sum(told.values()) / context.config.target_ongoing_requests  # type: ignore[union-attr]  # Serve's own annotation is Any or None
    if len(told) < context.current_num_replicas:
        # New ones have not told yet. Taken for as busy as the others, they keep what there is from shrinking; more
        # routers are asked for only by what was told, or each new one would ask for the next.
        as_busy = wanted * context.current_num_replicas / len(told)
        wanted = min(as_busy, max(wanted, context.target_num_replicas))
    return wanted, {}
