"""What a receiver shows at `/metrics`, read with Prometheus' own parser."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

Shown = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def shown(address: str) -> Shown:
    """Values by sample name and labels, those of the process left out."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = answer.read().decode()
    found: Shown = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k not in {"job", "instance"}))
            found[sample.name, labels] = found.get((sample.name, labels), 0.0) + sample.value
    return found


def value(found: Shown, name: str, **labels: str) -> float | None:
    """One sample's value; None if there is none."""
    return found.get((name, tuple(sorted(labels.items()))))
