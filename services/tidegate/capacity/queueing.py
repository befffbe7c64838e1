"""Closed forms of queueing theory: what the plan shows as waiting, and what the simulation is held to.

Sources: Kleinrock, "Queueing Systems I" (1975): Erlang's formulas in 3.5, Pollaczek and Khinchine's in 5.6.
Times are in the unit of the service time. All raise ValueError where there is no steady state.
"""

import math

from tidegate.capacity.scenario import Balancing

_MANY = 10_000
"""Servers from which a limit takes the place of the sum: its error is below a hundredth there."""
_NEVER = 30.0
"""Spare capacity, in standard deviations, at which nobody waits: exp(-450)."""


def erlang_b(servers: int, offered: float) -> float:
    """Share of arrivals lost by M/M/c/c.

    Args:
        servers: At least 1.
        offered: Load in Erlang: arrival rate times mean service time.
    """
    if servers < 1 or offered < 0:
        raise ValueError(f"{servers} servers, {offered} Erlang: there is no such system")
    blocked = 1.0
    for count in range(1, servers + 1):  # the recursion does not overflow, the factorials do
        blocked = offered * blocked / (count + offered * blocked)
    return blocked


def erlang_c(servers: int, offered: float) -> float:
    """Share of arrivals that wait in M/M/c.

    Raises:
        ValueError: The load is not below the number of servers.
    """
    if offered >= servers:
        raise ValueError(f"{offered:g} Erlang on {servers} servers: the queue grows without end")
    if servers > _MANY:
        return _halfin_whitt(servers, offered)
    blocked = erlang_b(servers, offered)
    return servers * blocked / (servers - offered * (1 - blocked))


def _halfin_whitt(servers: int, offered: float) -> float:
    """The limit of Erlang C for many servers (Halfin and Whitt 1981)."""
    spare = (1 - offered / servers) * math.sqrt(servers)
    if spare > _NEVER:
        return 0.0
    below = (1 + math.erf(spare / math.sqrt(2))) / 2
    return 1 / (1 + math.sqrt(2 * math.pi) * spare * below * math.exp(spare**2 / 2))


def mmc_mean_wait(servers: int, arrivals_per_s: float, service_s: float) -> float:
    """Mean wait before service in M/M/c, in seconds, over all arrivals."""
    offered = arrivals_per_s * service_s
    return erlang_c(servers, offered) * service_s / (servers - offered)


def mg1_mean_wait(arrivals_per_s: float, service_s: float, variation: float) -> float:
    """Mean wait before service in M/G/1, in seconds (Pollaczek-Khinchine).

    Args:
        arrivals_per_s: Poisson.
        service_s: Mean service time.
        variation: Coefficient of variation of the service time: 0 is M/D/1, 1 has the mean of M/M/1.
    """
    load = arrivals_per_s * service_s
    if load >= 1:
        raise ValueError(f"{load:g} Erlang on 1 server: the queue grows without end")
    return load * service_s * (1 + variation**2) / (2 * (1 - load))


def queued_mean(balancing: Balancing, servers: int, load: float, variation: float) -> float:
    """Items that wait in the mean, beside those that are worked on, in a deployment below saturation.

    `shared` is M/M/c and `random` M/G/1 for each server. `two_choices` is the limit of many servers, the sum of
    load^(2^i - 1) from i = 2 (Mitzenmacher 2001, "The power of two choices in randomized load balancing"). Where the
    service is not exponential, `shared` and `two_choices` take the factor of M/G/1, (1 + variation^2) / 2: an
    approximation (Allen-Cunneen).

    Args:
        balancing: How items find a server.
        servers: At least 1.
        load: Of each server, from 0 to below 1.
        variation: Coefficient of variation of the service time.
    """
    factor = (1 + variation**2) / 2
    if balancing is Balancing.SHARED:
        return factor * erlang_c(servers, load * servers) * load / (1 - load)
    if balancing is Balancing.RANDOM or servers == 1:
        return servers * mg1_mean_wait(load, 1.0, variation) * load
    return factor * servers * sum(math.pow(load, 2**step - 1) for step in range(2, 12))
