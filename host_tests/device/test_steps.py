"""Sensors that are asked in several steps: "not yet" is waited for, and not published."""

import asyncio
import json
from time import ticks_diff, ticks_ms

from node.app import Node
from node.sensor import Sensor
from sensors.shared.wait import measure


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
        if isinstance(said, BaseException):
            raise said
        return said


class Client:
    count = 0
    limit = 8

    def __init__(self):
        self.outbox = self
        self.posted = []
        self.replied = None

    def post(self, topic, payload, retain=False, *_):
        said = json.loads(payload)
        if "/reply/" in topic:
            self.replied = said
        else:
            self.posted.append((topic, said["value"]))


def node(*says):
    made = Node("n/", 300, {}, False)
    made.client = Client()
    made.sensors.append(Sensor(made, "s", "steps"))
    made.sensors[0].hold(Steps(*says), 60_000, False, None)
    return made


def turns(made, count):
    """So many turns of the loop, each when the sensor is due; returns the ms between them."""
    waits = []
    sensor = made.sensors[0]
    for _ in range(count):
        now = sensor.due = ticks_ms()
        made._sample(now)
        waits.append(ticks_diff(sensor.due, now))
    return waits


def near(waits, wanted):
    """True if they are what is wanted, apart from the ms that the turn itself took."""
    return len(waits) == len(wanted) and all(
        want <= wait < want + 100 for wait, want in zip(waits, wanted)
    )


def test_the_steps_of_a_measurement_are_waited_for_one_by_one():
    made = node(700, 300, 200, (1.5,), 0)
    waits = turns(made, 3)
    assert made.client.posted == []
    waits += turns(made, 1)
    assert near(waits, [700, 300, 200, 60_000]), waits
    assert made.client.posted == [("n/s", 1.5)]


def test_a_measurement_that_fails_in_a_step_is_begun_anew():
    made = node(700, 300, OSError("gone"), 10, (2,))
    waits = turns(made, 5)
    assert near(waits, [700, 300, 60_000, 10, 60_000]), waits
    assert made.drops == 1 and made.error.startswith("s: gone ("), made.error
    assert made.client.posted == [("n/s", 2)]


def test_what_fails_five_times_in_a_row_is_asked_ever_more_rarely_up_to_ten_minutes():
    def failing(times):
        return [OSError("gone") for _ in range(times)]

    few = [60_000, 60_000, 60_000, 60_000]
    says = failing(9) + [0, (1,)] + failing(5)  # noqa: RUF005
    waits = turns(node(*says), 15)
    rising = [120_000, 240_000, 480_000, 600_000, 600_000]
    assert near(waits, few + rising + [60_000] + few + [120_000]), waits  # noqa: RUF005
    made = node(*failing(30))
    made.sensors[0].interval = 100
    assert near(turns(made, 30)[-1:], [600_000])
    made = node(*failing(6))
    made.sensors[0].interval = 3_600_000  # it is asked more rarely anyway
    assert near(turns(made, 6), [3_600_000] * 6)


def test_a_reading_that_never_comes_is_a_failure_after_ten_minutes():
    made = node(*(50_000 for _ in range(20)))
    turns(made, 12)
    assert made.drops == 0
    turns(made, 1)
    assert made.drops == 1 and "600000" in made.error


def test_what_is_no_reading_is_an_error_and_never_published():
    for said in (
        None, "text", {}, object(), True, -1, 1 << 40, (), (1, 2), (None,), (b"bytes",), ([None],),
        ({},), (object(),), (float("nan"),), (float("inf"),), (-float("inf"),),
    ):  # fmt: skip
        made = node(0, said)
        turns(made, 1)
        assert made.client.posted == [] and made.drops == 1, said
        good_length = isinstance(said, tuple) and len(said) == 1
        assert ("not a number" if good_length else "read() returned") in made.error, made.error
        assert "driver steps" in made.error, made.error
    for said in (None, True, -1, 1.5, "0", 1 << 40, (1, 2)):
        made = node(said)
        turns(made, 1)
        assert made.drops == 1 and "start() returned" in made.error, said
    for said in (0, 7, -7, 1 << 80, True, False, 1.5, "text", "", [1, 2, 3]):
        made = node(0, (said,))
        turns(made, 1)
        assert made.client.posted == [("n/s", said)] and made.drops == 0, made.error


def test_whatever_is_raised_is_caught_except_what_a_person_does():
    class Odd(BaseException):
        def __str__(self):
            raise ValueError("not even that")

    for error in (SystemExit(), GeneratorExit(), MemoryError(), KeyError("x"), Odd()):
        made = node(error)
        turns(made, 1)
        assert made.drops == 1 and made.error.startswith("s"), made.error
    made = node(KeyboardInterrupt())
    try:
        turns(made, 1)
    except KeyboardInterrupt:
        return
    raise AssertionError("Ctrl-C was taken for a fault")


def test_the_command_read_leaves_a_measurement_alone():
    made = node(700, 300, (3,))
    turns(made, 1)
    made.on_message("n/cmd/read", b"", False)
    assert made.client.replied["values"] == {}  # it measures
    assert near(turns(made, 2), [300, 60_000])
    assert made.client.posted == [("n/s", 3)]
    made = node(0, 60)  # ready to be asked, but not at once to answer
    made.on_message("n/cmd/read", b"", False)
    assert made.client.replied["values"] == {}


def test_a_program_waits_for_all_steps():
    assert asyncio.run(measure(Steps(1, 1, 0, (4,)))) == (4,)
    assert asyncio.run(measure(Steps(0, (5,)))) == (5,)
