"""The made traffic: the same from the same seed, and nobody is attacker and in good faith at once."""

from __future__ import annotations

from itertools import chain, islice

from bench import traffic
from bench.traffic_attack import attacks
from bench.traffic_people import good_faith
from bench.traffic_world import WEEK, World, dated

LINES = 4000


def test_traffic_when_made_from_the_same_seed_then_it_is_the_same() -> None:
    made = []
    for _ in range(2):
        world = World(3)
        made.append([dated(event) for event in islice(chain.from_iterable(good_faith(world, 0.01)), LINES)])
    assert made[0] == made[1]
    assert len(made[0]) == LINES


def test_traffic_when_made_then_each_address_is_one_or_the_other() -> None:
    world = World(4)
    for events in attacks(world, 0.01):
        for event in islice(events, 3):
            assert -1 <= event[0] < 2 * WEEK
    assert world.attackers
    assert world.attackers.keys().isdisjoint(world.innocents)


def test_rows_when_somebody_in_good_faith_is_banned_then_they_say_so() -> None:
    world = World(5)
    bad, missed, good = world.attacker("a", "192.0.2"), world.attacker("a", "203.0.113"), world.innocent("office")
    found, wrong = traffic.judged(world, {"192.0.2.0/24": ["subnet"], good: ["sshd", "recidive"]})
    assert bad.startswith("192.0.2.")
    assert found == [("a", "2", "1", "1", "subnet 1", missed)]
    assert wrong == [("office", "1", "1", "0", "sshd 1, recidive 1", good)]
