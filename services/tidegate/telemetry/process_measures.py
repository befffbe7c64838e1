"""What a process costs: CPU time and memory, as its operating system tells."""

import psutil

from tidegate.telemetry.instruments import Instruments
from tidegate.telemetry.names import MetricName


def measure_process(made: Instruments) -> None:
    """From now on tells what this process has used, threads included and children not."""
    process = psutil.Process()

    def cpu_s() -> float:
        times = process.cpu_times()
        return times.user + times.system

    made.running_total(MetricName.PROCESS_CPU, "CPU time of the process", cpu_s, unit="s")
    made.gauge(
        MetricName.PROCESS_MEMORY,
        "Memory of the process, shared pages included",
        lambda: process.memory_info().rss,
        unit="By",
    )
