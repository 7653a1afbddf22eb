"""Sensors that are asked in several steps: "not yet" is waited for, and not published."""

import asyncio
import json
from time import ticks_add, ticks_ms

from node.app import Node
from node.commands import obey
from sensors.wait import measure


class Steps:
    """Says what it was told to say; an exception is raised."""

    FIELDS = (("x", "V"),)

    def __init__(self, *says):
        self.says = list(says)

    def start(self):
        return self._next()

    def read(self):
        return self._next()

    def _next(self):
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


class Client:
    def __init__(self):
        self.posted = []

    def post(self, topic, payload, retain):
        self.posted.append((topic, json.loads(payload)["value"]))


def node(*says):
    made = Node("n/", 300, {}, False)
    made.client = Client()
    made.sensors.append(["s", Steps(*says), 60_000, ticks_ms(), "n/s", False, None, False])
    return made


def test_the_steps_of_a_measurement_are_waited_for_one_by_one():
    made = node(700, 300, 200, (1.5,), 0)
    waits = []
    for _ in range(4):
        now = made.sensors[0][3]
        waits.append(made._take(made.sensors[0]))
        assert bool(made.client.posted) == (len(waits) == 4)
        made.sensors[0][3] = ticks_add(now, waits[-1])
    assert waits == [700, 300, 200, 60_000]
    assert made.client.posted == [("n/s", 1.5)]


def test_a_measurement_that_fails_in_a_step_is_begun_anew():
    made = node(700, 300, OSError("gone"), 10, (2,))
    entry = made.sensors[0]
    assert [made._take(entry) for _ in range(3)] == [700, 300, 60_000]
    assert (made.drops, made.error) == (1, "s: gone")
    assert [made._take(entry) for _ in range(2)] == [10, 60_000]
    assert made.client.posted == [("n/s", 2)]


def test_the_command_read_leaves_a_measurement_alone():
    made = node(700, 300, (3,))
    entry = made.sensors[0]
    made._take(entry)
    assert obey(made, "read", b"")["values"] == {}  # it measures
    assert [made._take(entry) for _ in range(2)] == [300, 60_000]
    assert made.client.posted == [("n/s", 3)]
    made = node(0, 60)  # ready to be asked, but not at once to answer
    assert obey(made, "read", b"")["values"] == {}


def test_a_program_waits_for_all_steps():
    assert asyncio.run(measure(Steps(1, 1, 0, (4,)))) == (4,)
    assert asyncio.run(measure(Steps(0, (5,)))) == (5,)
