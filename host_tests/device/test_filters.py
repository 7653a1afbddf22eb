# heap: 128K
"""Filters between a part and its sensor: each by an example, and what the check says of them."""

import gc
import sys
from json import dumps
from time import ticks_add, ticks_ms

from node.config.schema import check
from sensors.filters import chain, steps


class Part:
    """A part whose values the test sets."""

    FIELDS = (("temperature", "C", 1), ("pressure", "hPa", 2))
    values = (20.0, 1000.0)

    def start(self):
        return 0

    def read(self):
        return self.values


class One(Part):
    FIELDS = (("value", "V", 3),)


class Clock:
    """Time that the test lets pass; it wraps as a board's does."""

    now = 0

    def ticks_ms(self):
        return self.now & ticks_add(0, -1)

    def __enter__(self):
        steps.ticks_ms = self.ticks_ms
        return self

    def __exit__(self, *_):
        steps.ticks_ms = ticks_ms


def passed(values, *filters):
    """Return what filters make of values that come one after the other."""
    part = One()
    filtered = chain.make(part, {"filters": filters})
    found = []
    for value in values:
        part.values = (value,)
        found += filtered.read()
    return found


def near(found, wanted):
    assert len(found) == len(wanted), found
    for a, b in zip(found, wanted):
        assert a == b or abs(a - b) < 1e-4, found
    return True


def timed(clock, steps, *filters):
    """The same of (seconds, value): when each comes."""
    part = One()
    filtered = chain.make(part, {"filters": filters})
    found = []
    for seconds, value in steps:
        clock.now = int(seconds * 1000)
        part.values = (value,)
        found += filtered.read()
    return found


def test_filters_of_one_value():
    assert passed([1, 2.5], {"offset": -0.5}) == [0.5, 2.0]
    assert passed([3], {"offset": 2}) == [5]
    assert near(passed([10], {"multiply": 1.02}), [10.2])
    assert near(passed([10], {"linear": [2, -1]}), [19])
    assert passed([0, 1], {"invert": True}) == [1, 0]
    assert passed([-3, 50, 101], {"clamp": [0, 100]}) == [0, 50, 100]
    assert passed([True], {"invert": True}) == [0]


def test_a_calibration_goes_through_its_points_and_on_beyond_them():
    ends = {"calibrate": [[1, 0], [99, 100]]}
    assert near(passed([1, 50, 99, -48, 148], ends), [0, 50, 100, -50, 150])
    bent = {"calibrate": [[0, 0], [10, 20], [20, 30]]}
    assert near(passed([-5, 5, 10, 15, 30], bent), [-10, 10, 20, 25, 40])


def test_filters_of_the_last_values():
    assert passed([1, 9, 2, 3, 8], {"median": 3}) == [1, 1, 2, 3, 3]
    assert near(passed([1, 2, 3, 4], {"average": 2}), [1, 1.5, 2.5, 3.5])
    assert near(passed([0.0, 10, 10], {"smooth": 0.8}), [0, 2, 3.6])
    assert near(passed([0, 10, -10], {"slew": 3}), [0, 3, 0])


def test_an_outlier_is_left_out_and_a_step_is_not_for_long():
    assert passed([5, 5, 5, 80, 5], {"outlier": 2, "of": 3}) == [5, 5, 5, (), 5]
    assert passed([5, 5, 5, 80, 81, 82], {"outlier": 2, "of": 3}) == [5, 5, 5, (), 81, 82]


def test_a_new_value_counts_when_it_came_often_enough():
    assert passed([0, 1, 0, 1, 1, 1, 0], {"debounce": 3}) == [0, 0, 0, 0, 0, 1, 1]


def test_filters_by_the_clock():
    with Clock() as clock:
        steps = [(s * 10, s) for s in range(13)]
        assert timed(clock, steps, {"throttle": 60}) == [
            0, (), (), (), (), (), 6, (), (), (), (), (), 12
        ]  # fmt: skip
        found = timed(clock, steps, {"over": 60})
        assert [each for each in found if each != ()] == [3, 9.5]
        found = timed(clock, steps, {"over": 60, "take": "minimum"})
        assert [each for each in found if each != ()] == [0, 7]
        found = timed(clock, steps, {"over": 60, "take": "maximum"})
        assert [each for each in found if each != ()] == [6, 12]
        late = [(0, 1), (9.995, 2), (19.9, 3)]  # not at exactly equal times
        assert timed(clock, late, {"throttle": 10}) == [1, 2, 3]


def test_a_change_is_told_and_a_sign_of_life():
    assert passed([20.0, 20.1, 20.2, 20.3, 20.1], {"delta": 0.2}) == [20.0, (), 20.2, (), ()]
    assert passed([3, 3, 4, 3], {"delta": 0}) == [3, (), 4, 3]
    with Clock() as clock:
        steps = [(0, 1), (30, 1), (61, 1), (62, 1)]
        assert timed(clock, steps, {"delta": 1, "heartbeat": 60}) == [1, (), 1, ()]


def test_a_value_is_let_through_after_days_without_one():
    with Clock() as clock:
        days = 86_400
        for wait in (1, 5, 7, 9, 12):
            steps = [(0, 1), (wait * days, 2)]
            assert timed(clock, steps, {"throttle": 86_400}) == [1, 2]


def test_they_apply_in_their_order():
    assert near(passed([10], {"offset": 1}, {"multiply": 2}), [22])
    assert near(passed([10], {"multiply": 2}, {"offset": 1}), [21])
    # What the first holds back, the second doesn't see.
    assert passed([1, 1, 3, 3], {"delta": 1}, {"average": 2}) == [1, (), 2.0, ()]


def test_units_and_decimals_follow():
    part = Part()
    filters = [{"to": "F"}, {"to": "inHg"}, {"offset": 1, "field": "temperature"}]
    filtered = chain.make(part, {"filters": filters})
    assert filtered.FIELDS == (("temperature", "F", 1), ("pressure", "inHg", 4))
    assert near(filtered.read(), (69.0, 29.52998))
    assert Part.FIELDS[0][1] == "C"
    filtered = chain.make(part, {"filters": [{"to": "F"}, {"to": "K"}]})
    assert near(filtered.read(), (293.15, 1000.0))
    assert filtered.FIELDS[0] == ("temperature", "K", 2)
    for factor, wanted in ((0.99, 3), (0.1, 4), (1000, 0), (-2, 3)):
        filtered = chain.make(One(), {"filters": [{"multiply": factor}]})
        assert (("value", "V", wanted),) == filtered.FIELDS, filtered.FIELDS


class Count(Part):
    FIELDS = (("total", "Wh"), ("rate", "W", 1))


def test_a_whole_number_gets_decimals_only_where_it_needs_them():
    def fields(each):
        return chain.make(Count(), {"filters": [each]}).FIELDS[0]

    assert fields({"to": "kWh"}) == ("total", "kWh", 3)
    assert fields({"average": 5}) == ("total", "Wh", 2)
    assert fields({"median": 5}) == ("total", "Wh")


def test_each_field_has_filters_of_its_own():
    part = Part()
    filters = [{"median": 3}, {"delta": 1, "field": "pressure"}]
    filtered = chain.make(part, {"filters": filters})
    for values, wanted in (((1, 10), (1, 10)), ((3, 10), (1, ())), ((2, 30), (2, ()))):
        part.values = values
        assert filtered.read() == wanted
    assert filtered.shown()[1] == 30


def test_a_look_holds_nothing_back_and_counts_for_nothing():
    part = One()
    filtered = chain.make(part, {"filters": [{"delta": 1}, {"offset": 1}]})
    part.values = (5,)
    assert filtered.read() == (6,)
    assert filtered.read() == ((),)
    part.values = (7,)
    assert filtered.shown() == (8,)
    assert filtered.read() == (8,)  # it was not told yet


def test_what_is_no_number_reaches_no_filter():
    part = One()
    filtered = chain.make(part, {"filters": [{"smooth": 0.5}]})
    for wrong in (float("nan"), float("inf"), "on", None, [1]):
        part.values = (wrong,)
        try:
            said = filtered.read()
        except ValueError as error:
            said = str(error)
        assert said[:7] == "value: " and said.endswith("is not a number"), said
    part.values = (4.0,)
    assert filtered.read() == (4.0,)


def test_not_yet_and_wrong_answers_are_the_parts_own():
    part = One()
    filtered = chain.make(part, {"filters": [{"median": 3}]})
    for answer in (250, (1, 2), None):
        part.values = answer
        assert filtered.read() == answer


class Contact(Part):
    FIELDS = (("state", ""),)
    STATE = True
    changed = False
    closed = False

    def poll(self, now):
        return 7

    def close(self):
        self.closed = True


def test_all_else_is_the_parts_own():
    part = Contact()
    filtered = chain.make(part, {"filters": [{"invert": True}]})
    assert filtered.STATE is True
    assert filtered.poll(0) == 7
    part.changed = True
    assert filtered.changed
    filtered.close()
    assert part.closed
    assert not hasattr(filtered, "set")
    assert not hasattr(chain.make(One(), {"filters": []}), "poll")
    assert getattr(chain.make(One(), {"filters": []}), "STATE", None) is None


def test_a_reading_takes_nothing_but_its_tuple_and_its_floats():
    part = One()
    part.values = (1,)
    kinds = ({"median": 5}, {"clamp": [0, 9]}, {"debounce": 3}, {"offset": 1}, {"slew": 2},
             {"outlier": 5}, {"delta": 0, "heartbeat": 60}, {"throttle": 5})  # fmt: skip
    filtered = chain.make(part, {"filters": kinds})
    for _ in range(20):
        filtered.shown()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(10):
        filtered.shown()
    taken = gc.mem_alloc() - before
    gc.enable()
    word = 4 if sys.maxsize < 1 << 32 else 8
    assert taken <= 10 * 8 * word, taken


def test_what_made_the_filters_is_forgotten_and_they_go_on():
    kinds = [{"median": 3}, {"smooth": 0.5}, {"over": 1}, {"calibrate": [[0, 1], [1, 2]]},
             {"throttle": 1}, {"outlier": 9}, {"debounce": 2}, {"to": "mV"}]  # fmt: skip
    filtered = chain.make(One(), {"filters": kinds})
    kept = {}
    for name in list(sys.modules):
        if name.startswith("sensors"):
            kept[name] = dict(sys.modules[name].__dict__)
    try:
        chain.clear()
        assert not hasattr(steps, "median")
        for _ in range(3):
            filtered.shown()
            filtered.read()
    finally:
        for name in kept:
            sys.modules[name].__dict__.update(kept[name])


# --- the check


class Board:
    ID = "TEST"
    PINS = (0, 2, 4, 5, 16, 21, 22, 34)
    ADC = (34,)
    ADC_NOT_WITH_WIFI = ()
    INPUT_ONLY = (34,)
    NO_PULL = (34,)
    RESERVED = {}
    STRAPPING = {}
    WIFI = True


def faults(filters, driver="bme280", **more):
    sensor = {"name": "s", "driver": driver, "filters": filters}
    sensor.update({"sda": 21, "scl": 22} if driver == "bme280" else {"pin": 34})
    sensor.update(more)
    config = {
        "wifi": {"ssid": "net", "password": "password"},
        "mqtt": {"host": "broker"},
        "sensors": [sensor],
    }
    found = check(config, Board)
    assert len(found) < 2, found
    return found[0] if found else ""


AT = "sensors[0].filters"


def test_good_filters_have_no_faults():
    good = [
        {"offset": -0.5, "field": "temperature"},
        {"median": 5},
        {"average": 10},
        {"calibrate": [[0, 1.1], [100, 98.7]], "field": "humidity"},
        {"to": "F"},
        {"over": 600, "take": "maximum"},
        {"delta": 0.2, "heartbeat": 600, "field": "temperature"},
    ]
    assert faults(good) == ""
    alone = [{"linear": [2, 1]}, {"clamp": [0, 5]}, {"slew": 0.1}, {"outlier": 1, "of": 7},
             {"multiply": 2}, {"smooth": 0.9}, {"throttle": 60}, {"debounce": 3}]  # fmt: skip
    assert faults(alone, "analog") == ""
    assert faults([{"invert": True}], "digital", pin=4) == ""
    assert faults([{"debounce": 3}], "digital", pin=4, interval=1) == ""
    assert faults([]) == ""


def test_what_is_no_list_of_filters():
    assert faults({}) == AT + ": an object is wrong. Use a list, [...]."
    assert faults(["median"]) == AT + '[0]: "median" is wrong. Use an object, {"median": 5}.'
    assert faults([{"median": 3}] * 9) == AT + ": 9 filters. A sensor can have 8 at most."


def test_a_filter_that_is_none():
    assert faults([{"medain": 3}]) == AT + '[0]: no filter "medain". Did you mean "median"?'
    assert faults([{}]).startswith(AT + "[0]: no filter. There are average, calibrate, clamp,")
    assert faults([{"field": "humidity"}]).startswith(AT + '[0]: no filter "field". There are')


def test_two_filters_in_one():
    assert faults([{"median": 3, "average": 2}]) == (
        AT + "[0]: average and median in one. Put each into an object of its own, in their order."
    )


def test_a_key_that_a_filter_has_not():
    assert faults([{"median": 3, "heartbeat": 5}]) == (
        AT + "[0].heartbeat: unknown. There are field, median."
    )
    found = faults([{"delta": 1, "heartbaet": 5, "field": "humidity"}])
    assert found == AT + '[0].heartbaet: unknown. Did you mean "heartbeat"?'


def test_values_that_are_wrong():
    number = "a number from -1000000000 to 1000000000"
    for given, wanted in (
        ({"offset": "1"}, 'offset: "1" is wrong. Use %s, without quotes.' % number),
        ({"multiply": None}, "multiply: null is wrong. Use %s." % number),
        ({"linear": 2}, "linear: 2 is wrong. Use [factor, what is added], two numbers."),
        ({"linear": [2]}, "linear: [2] is wrong. Use [factor, what is added], two numbers."),
        ({"clamp": [5, 1]}, "clamp: [5, 1] is wrong. Use [lowest, highest], two numbers, rising."),
        ({"median": 2}, "median: 2 is wrong. Use a whole number from 3 to 15."),
        ({"median": 4.5}, "median: 4.5 is wrong. Use a whole number from 3 to 15."),
        ({"average": 61}, "average: 61 is wrong. Use a whole number from 2 to 60."),
        ({"smooth": 1}, "smooth: 1 is wrong. Use a number from 0 to 0.99."),
        ({"slew": 0}, "slew: 0 is wrong. Use a number from 1e-06 to 1000000000."),
        ({"outlier": -1}, "outlier: -1 is wrong. Use a number from 1e-06 to 1000000000."),
        ({"outlier": 1, "of": 2}, "of: 2 is wrong. Use a whole number from 3 to 15."),
        ({"throttle": 0}, "throttle: 0 is wrong. Use a number from 0.1 to 86400."),
        ({"over": 1e9}, "over: "),
        ({"over": 1, "take": "mean"}, 'take: "mean" is wrong. Use one of "average", "minimum", '),
        ({"delta": -1}, "delta: -1 is wrong. Use a number from 0 to 1000000000."),
        ({"delta": 1, "heartbeat": 0}, "heartbeat: 0 is wrong. Use a number from 0.1 to 86400."),
        ({"debounce": 1}, "debounce: 1 is wrong. Use a whole number from 2 to 100."),
        ({"invert": False}, "invert: false is wrong. Use one of true."),
        ({"invert": 1}, "invert: 1 is wrong. Use one of true."),
        ({"to": 5}, "to: 5 is wrong. Use text of 1 to 16 characters."),
    ):
        found = faults([given], "analog")
        assert found.startswith(AT + "[0]." + wanted), found


def test_a_calibration_that_is_none():
    for given in ([[1, 2]], [[1, 2], [1, 3]], [[2, 1], [1, 2]], [1, 2, 3, 4], [[1, 2], [3, "4"]],
                  [[1, 2], [3]], [[1, 2], [True, 3]], 7):  # fmt: skip
        found = faults([{"calibrate": given}], "analog")
        assert found.startswith(
            AT + "[0].calibrate: %s is wrong. Use [[measured, true], " % (dumps(given))
        ), found
        assert found.endswith("measured rising, 2 to 32 points.")


def test_a_sensor_with_several_fields_has_to_say_which():
    assert faults([{"offset": 1}]) == (
        AT + "[0].field: missing. Say which one it is for: temperature, pressure, humidity."
    )
    assert faults([{"median": 3, "field": "light"}]) == (
        AT + '[0].field: "light" is wrong. Use one of "temperature", "pressure", "humidity".'
    )
    assert faults([{"offset": 1, "field": "value"}], "analog") == (
        AT + "[0].field: unknown. There are offset."
    )


def test_a_unit_to_which_there_is_no_way():
    assert faults([{"to": "gal"}], "analog") == (
        AT + '[0].to: there is no way from V to "gal". Use V, mV.'
    )
    assert faults([{"to": "F"}], "analog", unit="pH") == (
        AT + '[0].to: there is no way from pH to "F". Remove it.'
    )
    assert faults([{"to": "F", "field": "humidity"}]).startswith(
        AT + '[0].to: there is no way from % to "F". Remove it.'
    )
    assert faults([{"to": "F"}, {"to": "K"}, {"to": "hPa", "field": "temperature"}]) == (
        AT + '[2].to: there is no way from K to "hPa". Use C, F, K.'
    )


def test_filters_where_there_is_nothing_to_filter():
    assert faults([{"median": 3}], "relay", pin=4) == (
        AT + ": a relay is an output, and has no values to filter. Remove them."
    )
    assert faults([{"median": 3}], "button", pin=4) == (
        AT + ": a button is a sensor of events, and has no values to filter. Remove them."
    )


def test_filters_that_need_regular_readings():
    assert faults([{"invert": True}, {"debounce": 3}], "digital", pin=4) == (
        AT + "[1].debounce: a digital tells its changes alone, which is too little for that. "
        'Give the sensor an interval, such as "interval": 1.'
    )
