# heap: 192K
"""What the check says about rules: fifty kinds of bad ones, each with its place and its cure."""

from node.config.schema import check

SENSORS = (
    {"name": "soil", "driver": "moisture", "pin": 34},
    {"name": "air", "driver": "sht3x", "sda": 21, "scl": 22},
    {"name": "door", "driver": "digital", "pin": 4},
    {"name": "bell", "driver": "button", "pin": 5},
    {"name": "rain", "driver": "pulse", "pin": 18, "unit": "mm"},
    {"name": "valve", "driver": "relay", "pin": 12},
    {"name": "fan", "driver": "relay", "pin": 13, "most_s": 600},
    {"name": "lamp", "driver": "dimmer", "pin": 14},
    {"name": "vent", "driver": "servo", "pin": 15, "range": 120},
    {"name": "horn", "driver": "buzzer", "pin": 16},
    {"name": "glow", "driver": "pixels", "pin": 17},
)
PLACE = {"zone": "CET-1CEST,M3.5.0,M10.5.0/3", "latitude": 52.5, "longitude": 13.4}
WATER = {"set": "valve", "value": True, "for": 120}


def faults(*rules, **changes):
    config = {"mqtt": {"host": "broker"}, "sensors": SENSORS, "rules": rules, "place": PLACE}
    config.update(changes)
    return check(config)


def bad(where, cure, *rules, **changes):
    """There is one fault, with its place and its cure, and it can be read aloud."""
    found = faults(*rules, **changes)
    assert len(found) == 1, (rules, found)
    (fault,) = found
    assert fault.startswith(where + ":"), (where, fault)
    assert cure in fault, (cure, fault)
    assert fault[-1] in ".?" and len(fault) < 240, fault


def when(text, cure):
    bad("rules[0].when", cure, {"when": text, "then": WATER})


def test_good_rules_have_no_faults():
    good = faults(
        {"name": "water", "when": "soil < 30 until 40 for 60", "then": WATER, "pause": 3600},
        {"when": "soil < 20 and air/temperature > 3.5", "then": [WATER], "again": 3600},
        {"when": "(door for 300) or (bell == 'click' and not rain/rate > 0)", "alarm": "open"},
        {"when": "from sunset-30 to 23:00 and day mon-fri, sun",
         "then": {"set": "lamp", "value": 60}, "else": {"set": "lamp", "value": 0}},
        {"when": "'house/mode' == 'away' and at 6:30", "then": {"set": "fan", "value": True}},
        {"when": "air/temperature > soil", "then": {"set": "vent", "value": 120, "for": 60}},
        {"when": "at sunrise", "then": [{"set": "horn", "value": 3},
                                        {"set": "glow", "value": [255, 0, 0]}], "off": True},
    )  # fmt: skip
    assert good == [], good
    assert faults() == []
    # Rules that only look at their own sensors need no place.
    assert faults({"when": "soil < 30", "then": WATER}, place={}) == []


def test_conditions_that_do_not_say_what_is_meant():
    for text, cure in (
        ("earth < 30", "There are air, bell, door"),
        ("air < 30", "Use air/temperature or air/humidity"),
        ("air/pressure < 900", "Use air/temperature or air/humidity"),
        ("soil/moisture < 30", "Use soil"),
        ("rain > 0", "Use rain/rate or rain/total"),
        ("glow == 1", "Use another"),
        ("door == 'open'", "Compare it with a number"),
        ("soil <", "a number was expected"),
        ("< 30", "the name of a sensor was expected"),
        ("30 > soil", "the sensor comes first"),
        ("10 < soil < 20", "the sensor comes first"),
        ("soil > 10 < 20", 'join them: "a > 1 and a < 5"'),
        ("soil = 30", 'use "=="'),
        ("soil => 30", 'use ">="'),
        ("soil <> 30", 'use "!="'),
        ("soil ! 30", 'use "not" or "!="'),
        ("soil 30", "one of < <= > >= == != was expected before it"),
        ("soil < 30%", "leave the unit out"),
        ("air/temperature < 3C", "Leave the unit out"),
        ("soil < 3,5", "use . for decimals"),
        ("door == on", "use true or false"),
        ("door && bell", 'use "and"'),
        ("door || bell", 'use "or"'),
        ("door AND soil < 5", "Did you mean and?"),
        ("NOT door", "Did you mean not?"),
        ("door soil < 5", '"and" or "or" was expected before it'),
        ("(door or soil < 5", 'a ")" was expected. Add it'),
        ("door)", 'there is no "(" for it. Remove it'),
        ("[door]", "use ( and )"),
        ("not not not not not not door", "5 at most. Make two rules"),
        ("soil < 30 for", "1 to 604800 expected"),
        ("soil < 30 for 5m", "seconds, 1 to 604800 expected"),
        ("soil < 30 for 0", "seconds, 1 to 604800 expected"),
        ("soil < 30 for 60 for 60", 'only one "for"'),
        ("door for 60 or bell", '"(a > 1 for 60) or b"'),
        ("soil < 30 until 20", "it has to be above 30"),
        ("soil > 30 until 40", "it has to be below 30"),
        ("soil == 30 until 40", '"until" goes with < or >'),
        ("soil < 30 until", "a number expected"),
        ("'house/mode == 1", "there is no ' at its end. Add it"),
        ("'house/#' == 1", "no + or #"),
        ("'house/mode' > 'away'", "a text can only be == or !="),
        ('"house/mode" == 1', "into '...'"),
        ("22:00", '"from" or "at" was expected before a time'),
        ("from 22:00", '"to" was expected'),
        ("from 22:00 to 24:00", "the day ends at 00:00"),
        ("from 22:00 to 22:00", "Leave it out for the whole day"),
        ("from 22 to 6", "a time: 22:30, sunrise or sunset"),
        ("at 25:00", "a time: 22:30, sunrise or sunset"),
        ("at sunset + 30", '"and" or "or" was expected before it'),
        ("at sunset+90000", "use minutes, 720 at most"),
        ("mon-fri", '"day" was expected before a day'),
        ("day monday", "use mon tue wed thu fri sat sun"),
        ("day", "use mon tue wed thu fri sat sun"),
    ):
        when(text, cure)


def test_a_condition_that_is_too_long_or_missing():
    bad("rules[0].when", "Use a condition", {"when": "a" * 201, "then": WATER})
    bad("rules[0].when", "Use a condition", {"when": "", "then": WATER})
    bad("rules[0].when", "Use a condition", {"when": 5, "then": WATER})
    bad("rules[0].when", "missing. Use a condition", {"then": WATER})


def test_a_time_without_a_place():
    night = {"when": "from 22:00 to 6:00", "alarm": "night"}
    dark = {"when": "from sunset to sunrise", "alarm": "dark"}
    bad("rules[0].when", 'Add "place": {"zone": "UTC0"}', night, place={})
    bad("rules[0].when", '"latitude" and "longitude"', dark, place={"zone": "UTC0"})
    bad("place.longitude", "missing", place={"zone": "UTC0", "latitude": 5})
    bad("place.latitude", "Use a number from -90 to 90", place={"latitude": 91, "longitude": 0})
    bad("place.zone", "CET-1CEST", place={"zone": "Europe/Berlin"})
    bad("place.zone", "CET-1CEST", place={"zone": "CET-1CEST"})
    bad("place.zone", "CET-1CEST", place={"zone": "CET-1CEST,M13.5.0,M10.5.0"})
    bad("place.town", "unknown", place={"town": "Berlin"})
    bad("place", "Use an object, {...}", place="Berlin")


def test_acts_that_cannot_be():
    for act, where, cure in (
        ({"set": "pump", "value": True}, ".set", "Use fan, glow, horn, lamp, valve, vent"),
        ({"set": "soil", "value": True}, ".set", "Use an output, such as a relay"),
        ({"set": "valve"}, ".value", "missing. Use what the output is set to"),
        ({"value": True}, ".set", "missing"),
        ({"set": "valve", "value": 1, "for": 5}, ".value", "Use true or false"),
        ({"set": "valve", "value": True}, ".for", 'Add "for", or give "valve" a "most_s"'),
        ({"set": "valve", "value": True, "for": 100_000}, ".for", "from 1 to 86400"),
        ({"set": "valve", "value": False, "for": 60}, ".for", "Remove it"),
        ({"set": "lamp", "value": 101}, ".value", "a number from 0 to 100, in %"),
        ({"set": "lamp", "value": True}, ".value", "a number from 0 to 100, in %"),
        ({"set": "vent", "value": 121}, ".value", "a number from 0 to 120, in degrees"),
        ({"set": "horn", "value": 11}, ".value", "a number from 0 to 10, in seconds"),
        ({"set": "horn", "value": 5, "for": 5}, ".for", 'Remove "for"'),
        ({"set": "glow", "value": "red"}, ".value", "[red, green, blue]"),
        ({"set": "valve", "value": True, "für": 5, "for": 5}, ".für", "unknown"),
        ("valve", "", '{"set": name of an output'),
        ([], "", '{"set": name of an output'),
        ([WATER] * 5, "", "4 at most"),
        (["valve"], "[0]", '{"set": name of an output'),
    ):
        bad("rules[0].then" + where, cure, {"when": "soil < 30", "then": act})
        if where == ".value":
            bad("rules[0].else" + where, cure, {"when": "soil < 30", "else": act})


def test_rules_that_do_nothing_or_too_much():
    dry = "soil < 30"
    bad("rules[0]", '{"when": ...}', "soil < 30")
    bad("rules[0]", 'Add "then", "else" or "alarm"', {"when": dry})
    bad("rules[0].again", "Remove it", {"when": dry, "alarm": "dry", "again": 60})
    bad("rules[0].pause", "Remove it", {"when": dry, "alarm": "dry", "pause": 60})
    bad("rules[0].then.for", 'Make "again" longer than "for"',
        {"when": dry, "then": WATER, "again": 120})  # fmt: skip
    bad("rules[0].pause", 'no longer than "again"',
        {"when": dry, "then": WATER, "again": 200, "pause": 300})  # fmt: skip
    bad("rules[0].pause", "a whole number from 1", {"when": dry, "then": WATER, "pause": -1})
    bad("rules[0].alarm", "text of 1 to 64", {"when": dry, "alarm": ""})
    bad("rules[0].off", "one of true, false", {"when": dry, "alarm": "dry", "off": 1})
    bad("rules[0].name", "1 to 32", {"when": dry, "alarm": "dry", "name": "too dry"})
    bad("rules[0].than", 'Did you mean "then"?', {"when": dry, "than": WATER, "alarm": "dry"})
    twice = {"name": "dry", "when": dry, "alarm": "dry"}
    bad("rules[1].name", "already used by rules[0]", twice, twice)
    bad("rules[1].name", "already used by rules[0]", {"when": dry, "alarm": "dry"},
        {"name": "1", "when": dry, "alarm": "dry"})  # fmt: skip
    many = [{"when": dry, "alarm": "dry"}] * 17
    bad("rules", "16 at most", *many)
    bad("rules", "Use a list", rules={})
    for name in ("rules", "alarm"):
        own = {"name": name, "driver": "digital", "pin": 4}
        bad("sensors[0].name", "Choose another", {"when": name, "alarm": "x"}, sensors=[own])


def test_loops():
    on, off = ({"set": "fan", "value": value} for value in (True, False))
    bad(
        "rules[0].when", "by way of itself. Leave one of them out", {"when": "not fan", "then": on}
    )
    bad("rules[0].when", 'use "for"', {"when": "fan for 60", "then": off})
    found = faults(
        {"when": "fan", "then": {"set": "lamp", "value": 50}},
        {"when": "lamp > 20", "then": off},
        {"when": "soil < 30", "then": on},
    )
    assert len(found) == 2 and all("by way of other rules" in each for each in found), found
    # A chain is no loop.
    assert faults(
        {"when": "soil < 30", "then": on}, {"when": "fan", "then": {"set": "lamp", "value": 50}}
    ) == []  # fmt: skip


def test_whatever_is_said_the_check_itself_does_not_fail():
    for value in (None, True, 5, -1.5, "", "x", [], {}, [[]], [{}], {"set": 5}, {"when": []}):
        for key in ("when", "name", "then", "else", "alarm", "pause", "again", "off"):
            rule = {"when": "soil < 30", "then": WATER}
            rule[key] = value
            faults(rule)
        faults(value)
        faults(rules=value)
        faults({"when": "at 6:30", "then": WATER}, place=value)
        for key in ("set", "value", "for"):
            act = dict(WATER)
            act[key] = value
            faults({"when": "soil < 30", "then": act})
            faults({"when": "soil < 30", "then": [act, value]})
