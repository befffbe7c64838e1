"""Closed forms against published values and against each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.capacity.queueing import erlang_b, erlang_c, mg1_mean_wait, mmc_mean_wait, queued_mean
from tidegate.capacity.scenario import Balancing


def test_published_values() -> None:
    """Erlang B of 5 servers at 3 Erlang is 0.1101, Erlang C 0.2362 (Erlang tables)."""
    assert erlang_b(5, 3.0) == pytest.approx(0.1101, abs=5e-5)
    assert erlang_c(5, 3.0) == pytest.approx(0.2362, abs=5e-5)


@given(st.floats(0.01, 0.99))
def test_one_server_waits_as_often_as_it_is_busy(load: float) -> None:
    assert erlang_c(1, load) == pytest.approx(load)
    assert mmc_mean_wait(1, load, 1.0) == pytest.approx(load / (1 - load))


@given(st.floats(0.01, 0.99), st.floats(0.001, 100))
def test_exponential_service_in_m_g_1_is_m_m_1(load: float, service_s: float) -> None:
    arrivals = load / service_s
    assert mg1_mean_wait(arrivals, service_s, 1.0) == pytest.approx(mmc_mean_wait(1, arrivals, service_s))


@given(st.floats(0.01, 0.99))
def test_constant_service_waits_half_as_long(load: float) -> None:
    assert mg1_mean_wait(load, 1.0, 0.0) == pytest.approx(mg1_mean_wait(load, 1.0, 1.0) / 2)


@given(st.integers(1, 2_000), st.floats(0.01, 0.99))
def test_a_chance_stays_one_for_any_number_of_servers(servers: int, load: float) -> None:
    assert 0 <= erlang_c(servers, load * servers) <= 1


@given(st.integers(2, 200), st.floats(0.05, 0.95))
def test_better_balancing_queues_less(servers: int, load: float) -> None:
    shared, random = (queued_mean(each, servers, load, 1.0) for each in (Balancing.SHARED, Balancing.RANDOM))
    assert shared <= random
    assert queued_mean(Balancing.TWO_CHOICES, servers, load, 1.0) <= random


@pytest.mark.parametrize("load", [0.97, 0.99, 0.995])
def test_the_limit_of_many_servers_takes_over_where_it_is_as_good(load: float) -> None:
    servers = 10_000
    exact, limit = erlang_c(servers, load * servers), erlang_c(servers + 1, load * (servers + 1))
    assert limit == pytest.approx(exact, rel=0.05, abs=1e-3)
    assert erlang_c(10**7, 0.5 * 10**7) == 0


@pytest.mark.parametrize("load", [1.0, 1.5])
def test_no_steady_state_no_answer(load: float) -> None:
    with pytest.raises(ValueError, match="without end"):
        erlang_c(1, load)
    with pytest.raises(ValueError, match="without end"):
        mg1_mean_wait(load, 1.0, 1.0)
