"""A real Prometheus of a test's own: scrapes the addresses it is given, every second, into a folder of the test's."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from tidegate.serving.stack.ports import LOOPBACK, free_ports

MISSING = "prometheus and promtool are not installed: .ci/run shows how"


def required(program: str) -> str:
    """The program's path; skips the test where it is not installed."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(MISSING)
    return path


class Prometheus:
    """One server, from entering until leaving the block."""

    def __init__(self, directory: Path, targets: Sequence[str], *, rules: Sequence[Path] = ()) -> None:
        self._directory = directory
        self._port = free_ports(1)[0]
        self._config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [
                {"job_name": "tidegate", "honor_labels": True, "static_configs": [{"targets": list(targets)}]}
            ],
        }

    def __enter__(self) -> Self:
        config = self._directory / "prometheus.yml"
        config.write_text(yaml.safe_dump(self._config))
        command = [required("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self._directory / 'tsdb'}"]
        command += [f"--web.listen-address={LOOPBACK}:{self._port}", "--enable-feature=exemplar-storage"]
        with (self._directory / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._directory)
        deadline = time.monotonic() + 60
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                pytest.fail((self._directory / "prometheus.log").read_text()[-4000:])
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The expression's samples now; fails the test if Prometheus does not take it."""
        data = self._asked("query", {"query": expression})
        assert isinstance(data, dict), data
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        found: list[dict[str, Any]] = data["result"]
        return found

    def value(self, expression: str) -> float | None:
        """The one value of an expression; None if there is none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def exemplars(self, selector: str) -> list[dict[str, Any]]:
        """Exemplars of the selected series in the last hour."""
        now_s = time.time()
        asked = {"query": selector, "start": str(now_s - 3600), "end": str(now_s + 60)}
        found = self._asked("query_exemplars", asked)
        assert isinstance(found, list), found
        return [exemplar for series in found for exemplar in series["exemplars"]]

    def names(self) -> set[str]:
        """Of all series."""
        return set(self._asked("label/__name__/values", {}))  # type: ignore[arg-type]  # a list of names here

    def rules(self) -> list[dict[str, Any]]:
        """All rules with their health."""
        data = self._asked("rules", {})
        assert isinstance(data, dict), data
        return [rule for group in data["groups"] for rule in group["rules"]]

    def scraped(self) -> bool:
        """Whether every target was up at its last scrape."""
        samples = self.query("up")
        return bool(samples) and all(float(sample["value"][1]) == 1 for sample in samples)

    def _asked(self, path: str, asked: Mapping[str, str]) -> dict[str, Any] | list[dict[str, Any]]:
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            pytest.fail(f"{asked}: {error.read().decode()}")
        data: dict[str, Any] | list[dict[str, Any]] = document["data"]
        return data

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=5):
                return True
        except OSError:
            return False
