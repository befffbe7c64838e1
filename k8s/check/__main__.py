"""`python -m k8s.check [OVERLAY…] [--by-digest] [--json]`: renders the overlays and checks what they make.

Exit status 1 if anything is wrong. No cluster is asked.

First every object is held against the schema of its kind, then references are followed.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from k8s.check.findings import Finding
from k8s.check.generated import generated_findings
from k8s.check.references.accounts import account_findings
from k8s.check.references.autoscaling import autoscaling_findings
from k8s.check.references.collector import collector_findings
from k8s.check.references.configuration import configuration_findings
from k8s.check.references.disruption import disruption_findings
from k8s.check.references.hardening import hardening_findings
from k8s.check.references.images import by_tag, image_findings, tag_findings
from k8s.check.references.network import network_findings
from k8s.check.references.ports import port_findings
from k8s.check.references.routes import route_findings
from k8s.check.references.selectors import selector_findings
from k8s.check.references.serve_graph import serve_findings
from k8s.check.references.timeouts import timeout_findings
from k8s.check.references.triton import triton_findings
from k8s.check.references.upgrades import upgrade_findings
from k8s.check.rendering import Rendered, RenderingError, render
from k8s.check.schemas import schema_findings
from k8s.generate import OVERLAYS, overlays

REFERENCES: Sequence[Callable[[Rendered], Iterator[Finding]]] = (
    selector_findings,
    port_findings,
    route_findings,
    timeout_findings,
    configuration_findings,
    collector_findings,
    image_findings,
    hardening_findings,
    account_findings,
    disruption_findings,
    upgrade_findings,
    triton_findings,
    network_findings,
    serve_findings,
    autoscaling_findings,
)
"""What follows references, once every object has its right shape."""


def findings(rendered: Rendered) -> Iterator[Finding]:
    """Everything that is wrong with an overlay. References are followed only where every object has its right shape."""
    shape = list(schema_findings(rendered.name, rendered.manifests))
    yield from shape
    yield from generated_findings(rendered)
    if shape:
        return
    for check in REFERENCES:
        yield from check(rendered)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m k8s.check", description=__doc__)
    names = [path.name for path in overlays()]
    parser.add_argument("overlays", nargs="*", metavar="OVERLAY", help=f"{', '.join(names)}, or a folder; default: all")
    parser.add_argument("--by-digest", action="store_true", help="refuse images without a digest")
    parser.add_argument("--json", action="store_true", help="the result for machines")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.overlays if name not in names and not Path(name).is_dir()]
    if unknown:
        _say(f"error: {unknown[0]}: no such overlay; there are {', '.join(names)}", sys.stderr)
        return 1
    chosen = [OVERLAYS / name if name in names else Path(name) for name in options.overlays or names]
    started = time.monotonic()
    told: list[dict[str, Any]] = []
    found: list[Finding] = []
    try:
        for overlay in chosen:
            rendered = render(overlay)
            found += findings(rendered)
            found += tag_findings(rendered) if options.by_digest else ()
            objects = [each.title for each in rendered.manifests]
            told.append({"overlay": rendered.name, "objects": objects, "images_by_tag": list(by_tag(rendered))})
    except RenderingError as error:
        _say(f"error: {error}", sys.stderr)
        return 1
    if options.json:
        _say(json.dumps({"overlays": told, "findings": [each.plain() for each in found]}, indent=1))
        return 1 if found else 0
    for finding in found:
        _say(str(finding))
    counted = ", ".join(f"{each['overlay']} ({len(each['objects'])} objects)" for each in told)
    verdict = f"{len(found)} wrong" if found else "nothing wrong"
    _say(f"{verdict}: {counted}; {time.monotonic() - started:.1f} s")
    for each in told:
        if each["images_by_tag"] and not options.by_digest:
            _say(f"by tag, not by digest, in {each['overlay']}: {', '.join(each['images_by_tag'])}")
    return 1 if found else 0


def _say(text: str, to: TextIO | None = None) -> None:
    (to or sys.stdout).write(f"{text}\n")


if __name__ == "__main__":
    raise SystemExit(main())
