"""The environment variables under which Ray and Serve must start. Ray reads them when it is imported."""

from pathlib import Path
from typing import Final

NICENESS: Final = 5
"""Of stages and Triton, on top of routers': a third of a router's weight where both want a core (`man 7 sched`)."""

STABLE = {
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",  # direct gRPC ingress, gRPC between deployments, no extra thread hops
    "RAY_SERVE_ENABLE_HA_PROXY": "1",  # the bundled HAProxy: one stable port in front of all router replicas
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(256 * 1024 * 1024),  # between deployments; its default is 4 MiB
    "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(128 * 1024 * 1024),  # backstop above our own, typed limit
    # Throughput mode holds 1,000 lines of a log back: what libraries print, and Serve itself tells, would be missing.
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
}
"""For every node, embedded or on Kubernetes."""

IN_PODS = {
    "RAY_LOG_TO_STDERR": "1",  # workers keep the pod's standard error instead of files of their own
    "RAY_SERVE_LOG_TO_STDERR": "1",  # replicas write there too, beside their files: throughput mode has it off
}
"""For nodes whose standard error somebody collects: `kubectl logs`, the Collector. Embedded stacks keep to files."""


def embedded(
    directory: Path,
    *,
    metrics_port: int,
    stats_port: int,
    grpc_ports: range,
    http_ports: range,
    fallback_ports: tuple[int, int],
    draining_s: float,
) -> dict[str, str]:
    """For a whole stack on one machine, apart from any other on the same machine.

    Args:
        directory: Short path for HAProxy's configuration and socket: Unix sockets allow about 100 characters.
        metrics_port: Free port for HAProxy's metrics.
        stats_port: Free port for HAProxy's own page.
        grpc_ports: Free ports for the routers' own gRPC servers. They listen with SO_REUSEPORT: with Serve's default
            (from 40000) the routers of two stacks share a port, and each stack answers for the other. Seen with 2.60.
        http_ports: The same for their HTTP servers.
        fallback_ports: Free ports, gRPC and HTTP, for the proxy that HAProxy falls back on while no router runs.
        draining_s: How long a stopping router goes on taking requests while HAProxy takes it out.
    """
    return {
        **STABLE,
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(directory / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(directory / "admin.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(directory),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(directory / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics_port),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats_port),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(grpc_ports.start),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(grpc_ports.stop - 1),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(http_ports.start),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(http_ports.stop - 1),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(fallback_ports[0]),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(fallback_ports[1]),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(draining_s),
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",  # its 5 s are too few on a busy machine: HAProxy is killed
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "30",
        "RAY_SERVE_HAPROXY_STARTUP_TIMEOUT_S": "60",
        # Ten times a second by default, a twentieth of all CPU time of an item here. Who asks a stage that died notices
        # at once (`nearby`); this is how soon it is replaced.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
        "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "2000",  # its 100 ms keep every process awake ten times a second
        "RAY_worker_niceness": "0",  # its 15 put routers behind everything else on the machine; see `priority`
        "RAY_DEDUP_LOGS": "0",
        "RAY_prestart_worker_first_driver": "0",  # else one idle Python worker per logical CPU, all at once
        "RAY_enable_worker_prestart": "0",
        "RAY_enable_metrics_collection": "0",  # one machine: no agent scrapes them
    }
