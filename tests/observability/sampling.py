"""Which policies of the gateway's tail sampling keep a trace: those kinds that are used, as their README tells."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

COLLECTOR = Path(__file__).resolve().parents[2] / "observability/collector"


def policies() -> list[dict[str, Any]]:
    gateway = yaml.safe_load((COLLECTOR / "gateway.yaml").read_text())
    found: list[dict[str, Any]] = gateway["processors"]["tail_sampling"]["policies"]
    return found


def kept_by(spans: Sequence[ReadableSpan]) -> set[str]:
    """Names of the policies that are sure to keep these spans' trace: those that keep a share are not."""
    return {policy["name"] for policy in policies() if _keeps(policy, spans)}


def _keeps(policy: dict[str, Any], spans: Sequence[ReadableSpan]) -> bool:
    asked = policy[policy["type"]]
    match policy["type"]:
        case "status_code":
            return any(span.status.status_code is StatusCode[code] for span in spans for code in asked["status_codes"])
        case "latency":
            begun = min(span.start_time or 0 for span in spans)
            ended = max(span.end_time or 0 for span in spans)
            return bool(ended - begun >= asked["threshold_ms"] * 1_000_000)
        case "string_attribute":
            found = [span.attributes[asked["key"]] for span in spans if asked["key"] in (span.attributes or {})]  # type: ignore[index]  # just asked
            if asked.get("enabled_regex_matching"):
                return any(re.search(pattern, str(value)) for pattern in asked["values"] for value in found)
            return any(str(value) in asked["values"] for value in found)
        case "probabilistic":
            return False
        case kind:
            raise NotImplementedError(kind)
