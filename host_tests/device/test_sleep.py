# heap: 128K
"""The parts of a node that sleeps: what it keeps, and what its config may say."""

from node.config.schema import check
from node.health import retained
from node.sleep import charge, memory, pack, radio, state, wake
from node.sleep.sleeper import Sleeper

PREFIX = "petrel/n1/"
ONES = [1] * 9 + [b"123456"]
READING = b'{"value": 2.993, "unit": "V", "seq": 12, "boot": 77, "time": 1795787280}'
GOOD = {
    "node": "n1",
    "wifi": {"ssid": "air"},
    "mqtt": {"host": "broker"},
    "sensors": [],
    "sleep": {"every": 600, "awake": 20},
}


class Rtc:
    """An RTC whose memory has a size."""

    data = b""
    size = 492

    def memory(self, data=None):
        if data is None:
            return Rtc.data
        if len(data) > Rtc.size:
            raise ValueError("buffer too long")
        Rtc.data = bytes(data)


class Machine:
    """A machine with that RTC, and without mem_backup()."""

    RTC = Rtc


class Unheard:
    """A client with a reading that no broker acknowledges. It is its own outbox."""

    stream = None
    count = 1
    limit = 4
    left = reply = untold = 0
    up = True


Unheard.outbox = Unheard


class Heard(Unheard):
    """One whose broker has acknowledged all of it."""

    count = awaited = 0
    ping_due = False

    def __init__(self):
        self.outbox = self


class Board:
    """The facts of a board that the check asks for."""

    ID = "A_BOARD"
    WIFI = True


def with_rtc(function):
    before = retained.machine, memory.machine
    Rtc.data = b""
    retained.machine = memory.machine = Machine
    try:
        function()
    finally:
        retained.machine, memory.machine = before


def faults(board=None, warnings=None, **changes):
    config = dict(GOOD)
    for key in changes:
        config[key] = changes[key]
    return check(config, board, warnings)


def test_a_reading_comes_back_as_it_was():
    for payload in (
        READING,
        READING.replace(b"time", b"uptime"),
        READING.replace(b"2.993", b'[1, "a b", true]'),
        READING.replace(b'"V"', b'"\xc2\xb0C"'),
        READING.replace(b'"V"', b'"", "seq": 3, "unit": ""'),
    ):
        for flags in (2, 3):
            line = pack.packed(PREFIX, 77, PREFIX + "light/x", payload, flags)
            assert line and len(line) < len(payload), (line, payload)
            assert pack.unpacked(PREFIX, 77, line) == (PREFIX + "light/x", payload, flags)


def test_what_is_no_reading_of_this_start_is_not_packed():
    for topic, payload in (
        ("other/light", READING),
        (PREFIX + "light", READING.replace(b"77", b"78")),
        (PREFIX + "light", READING.replace(b"V", b"\t")),
        (PREFIX + "light", READING.replace(b"V", b"\n")),
        (PREFIX + "light", b"on"),
        (PREFIX + "light", b""),
        (PREFIX + "light", READING[:-9] + b'9, "restamped": true}'),
    ):
        line = pack.packed(PREFIX, 77, topic, payload, 2)
        assert line is None or pack.unpacked(PREFIX, 77, line) == (topic, payload, 2), line


def test_the_state_and_what_a_crash_leaves_keep_out_of_each_other_s_way():
    def run():
        kept = [1, 2, 3, 4, 5, 6, 7, 8, 1, b"123456"]
        state.store(kept, b"lines")
        assert retained.store(2, "why" * 60, 1, "3r")
        assert state.load() == (kept, b"lines")
        assert retained.load() == (2, 1, ("why" * 60)[:160])
        assert retained.lost() == (3, "r")
        state.store(kept, b"")
        assert retained.load()[:2] == (2, 1)
        assert retained.lost() == (3, "r")

    with_rtc(run)


def test_damaged_memory_counts_as_none():
    def run():
        assert state.load() is None
        state.store(ONES, b"0\tlight\t1\t\t5\t9\n")
        good = Rtc.data
        for at in range(176, len(good)):
            for bit in (1, 0x80):
                Rtc.data = good[:at] + bytes((good[at] ^ bit,)) + good[at + 1 :]
                assert state.load() is None, at
        for size in range(len(good)):
            Rtc.data = good[:size]
            assert state.load() is None, size
        for garbage in (b"\xff" * 492, bytes(492), b"PS" * 246):
            Rtc.data = garbage
            assert state.load() is None

    with_rtc(run)


def test_what_is_too_long_for_the_board_is_refused_and_changes_nothing():
    def run():
        state.store(ONES, b"1")
        before = Rtc.data
        try:
            state.store(ONES, bytes(300))
            raise AssertionError("it was taken")
        except ValueError:
            pass
        assert Rtc.data == before

    with_rtc(run)


def sleeper(most_ms, least_ms=0):
    node = Sleeper(PREFIX, 300, {}, False)
    node.client = Unheard
    node.turn = 0
    node.most_ms = most_ms
    node.least_ms = least_ms
    return node


def test_it_is_awake_up_to_the_limit_and_no_turn_longer():
    node = sleeper(20_000)
    for now in range(0, 20_000, 250):
        wait = node._sample(now)
        assert not node.ended, now
        assert 0 < wait <= 20_000 - now, (now, wait)
    assert node._sample(20_000) == 0
    assert node.ended == "asleep"


def test_after_a_driver_that_held_it_up_it_sleeps_at_once():
    node = sleeper(20_000)
    node._sample(19_000)
    node._sample(34_000)
    assert node.ended == "asleep"


def test_awake_and_what_is_under_way_keep_it_up_beyond_the_limit():
    node = sleeper(20_000, 60_000)
    node._sample(59_000)
    assert not node.ended
    node.about["changed"] = "on trial"
    node._sample(61_000)
    assert not node.ended
    del node.about["changed"]
    node._sample(62_000)
    assert node.ended == "asleep"


def test_it_waits_no_longer_than_it_has_to_for_what_is_done():
    node = sleeper(20_000)
    node.states = node.announce = 0
    node.client = Heard()
    node._sample(1000)
    assert node.client.ping_due  # whether that was all
    assert not node.ended
    node.client.ping_due = False
    node._sample(1001)
    assert node.ended == "asleep"


class Cell:
    """The part of a sensor, and the sensor: its driver."""

    driver = "battery"
    volts = 3.1

    def __init__(self):
        self.part = self

    def read(self):
        if not Cell.volts:
            raise ValueError("0.00 V is not what 1 li-ion cells have")
        return Cell.volts, 7


def low(volts, found=None):
    """A node that has just woken, with a battery of so many volts."""
    node = sleeper(20_000, 600_000)
    node.sensors = [Cell()]
    node.low_v = 3.3
    node.limit_ms = 20_000
    Cell.volts = volts
    charge.look(node, found)
    return node


def test_a_low_battery_is_told_in_one_cycle_without_the_hold_and_kept():
    def run():
        node = low(3.1)
        assert node.low
        assert "3.10 V (sleep.low: 3.3 V)" in node.error
        assert (node.least_ms, node.most_ms) == (0, 20_000)
        kept, lines = state.load()
        assert kept[state.BITS] == state.LOW
        assert lines == b""
        # Of a node that woke the numbers go on, far behind those of this cycle.
        found = [5, 70, 3, 4, 0, 6, 7, 8, 0, bytes(6)], b"1"
        assert low(3.29, found).low
        assert state.load() == ([5, 1070, 3, 4, 0, 6, 7, 8, 1, bytes(6)], b"1")
        assert found[0][state.COUNT] == 70

    with_rtc(run)


def test_a_battery_that_is_full_or_unknown_or_charged_again_changes_nothing():
    def run():
        for volts, told in ((3.3, 0), (4.2, 0), (0, 0), (0, 1), (3.4, 1)):
            node = low(volts, ([1, 2, 3, 4, 0, 6, 7, 8, told, bytes(6)], b""))
            assert not node.low, (volts, told)
            assert node.least_ms == 600_000
        assert state.load() is None

    with_rtc(run)


def test_a_limit_needs_a_battery_that_is_measured():
    section = {"every": 600, "awake": 20, "low": 3.3}
    (said,) = faults(sleep=section)
    assert said == "sleep.low: no sensor has the driver battery. Add one, or remove it."
    cell = {"name": "cell", "driver": "battery", "pin": 34}
    assert not faults(sleep=section, sensors=[cell])


class Wlan:
    """A station that two access points of its network and a stranger's are in reach of."""

    def __init__(self):
        self.joins = []
        self.scans = 0

    def isconnected(self):
        return False

    def active(self, on):
        pass

    def config(self, **values):
        raise ValueError  # as a port that doesn't know them

    def connect(self, ssid, password, bssid=b""):
        self.joins.append((ssid, password, bssid))

    def scan(self):
        self.scans += 1
        return [
            (b"air", b"far***", 1, -80, 3, False),
            (b"air", b"near**", 6, -40, 3, False),
            (b"other", b"strong", 6, -20, 3, False),
        ]


def wireless(cold=False):
    node = sleeper(20_000)
    node.cold = cold
    node.wlan = Wlan()
    node.wifi = ["air", "secret", 0, 0, 0, 0, None]
    return node


def test_the_access_point_of_the_last_wake_is_joined_at_once():
    node = wireless()
    radio.join(node, bytes(6))
    assert not node.wlan.joins
    radio.join(node, b"near**")
    assert node.wlan.joins == [("air", "secret", b"near**")]
    assert node.wifi[3] == 1  # an attempt is running
    assert radio.nearest(node) == b"near**"
    assert not node.wlan.scans
    node = wireless()
    node.wlan.isconnected = lambda: True  # an ESP8266 joins by itself
    radio.join(node, b"near**")
    assert not node.wlan.joins
    assert radio.nearest(node) == b"near**"


def test_the_strongest_is_looked_for_when_none_was_known_or_it_has_gone():
    node = wireless(cold=True)
    assert radio.nearest(node) == b"near**"
    node.cold = False  # it is not to be found, as one that is hidden; never again
    assert radio.nearest(node) == bytes(6)
    assert node.wlan.scans == 1
    node = wireless()
    radio.join(node, b"gone**")
    node.wifi[6] = 201  # it was not found
    assert radio.nearest(node) == b"near**"
    assert node.wlan.scans == 1
    # Not if the time is up, nor without a network.
    node.up_ms = node.most_ms
    assert radio.nearest(node) == b"gone**"
    node.up_ms = 0
    Unheard.up = False
    try:
        assert radio.nearest(node) == b"gone**"
    finally:
        Unheard.up = True
    assert node.wlan.scans == 1


def test_several_networks_and_none_are_left_to_the_config():
    node = wireless()
    node.wifi += [0] * 6
    radio.join(node, b"near**")
    assert not node.wlan.joins
    assert radio.nearest(node) == bytes(6)
    node.wifi = None
    assert radio.nearest(node) == bytes(6)


def test_a_good_sleep():
    warnings = []
    assert faults(warnings=warnings) == []
    assert warnings == []


def test_sleeps_that_make_no_sense():
    for section, place in (
        ({"every": 600}, "sleep.awake: missing"),
        ({"awake": 20}, "sleep.every: missing"),
        ({"every": 5, "awake": 3}, "sleep.every: 5 is wrong"),
        ({"every": 600, "awake": "20"}, "sleep.awake: "),
        ({"every": 600, "awake": 600}, "sleep.awake: 600 s is wrong. It has to be less"),
        ({"every": 600, "awake": 20, "holt": 1}, "sleep.holt: unknown. Did you mean"),
        ([], "sleep: this is wrong. Use"),
    ):
        found = faults(sleep=section)
        assert len(found) == 1, (section, found)
        assert place in found[0], (place, found)


def test_what_does_not_go_with_sleep():
    pulse = {"name": "rain", "driver": "pulse", "pin": 4}
    used = {"name": "used", "driver": "formula", "formula": "energy(mains)"}
    homie = {"convention": "homie"}
    for changes, said in (
        ({"sensors": [pulse]}, "a pulse counter counts nothing"),
        ({"sensors": [used]}, "energy() adds up nothing"),
        ({"rules": [{}]}, "rules: a sleep would make them forget"),
        ({"homeassistant": homie}, '"homie" does not go with sleep'),
        ({"wifi": None, "mqtt": {"serial": "usb"}}, "USB goes away while the board sleeps"),
    ):
        found = faults(**changes)
        assert any(said in line for line in found), found


def test_boards_that_can_not():
    class Never(Board):
        NO_SLEEP = "it only dozes"

    class Watched(Board):
        SLEEP_WATCHDOG = True

    found = check_section(Never, {})
    assert found == ["sleep: it only dozes. Remove it, or use another board."], found
    assert not check_section(Watched, {})
    found = check_section(Watched, {"watchdog": 30})
    assert len(found) == 1, found
    assert "A_BOARD" in found[0], found


def test_an_esp8266_wants_a_wire_and_its_pin():
    class Wired(Board):
        SLEEP_PIN = 16

    pins = {}
    warnings = []
    assert not check_section(Wired, {}, pins, warnings)
    assert warnings == ["sleep: connect GPIO16 to RST, or the board never wakes."]
    assert ("pin", 16) in pins


class Esp32(Board):
    """With pins that wake it, one of which is needed otherwise."""

    WAKE_PINS = (0, 1, 33, 35)
    WAKE_TOUCH = (33,)
    HOLDS = True
    RESERVED = {1: "the REPL"}
    STRAPPING = {0: "boot mode"}
    NO_PULL = (35,)


def test_what_wakes_it_besides_the_time():
    door = {"name": "door", "driver": "digital", "pin": 33}
    for wake_by, more in (
        ({"pin": 33, "level": 0, "pull": "up"}, {}),
        ({"pin": 35, "level": "change"}, {}),
        ({"pin": 33, "level": 1}, {"sensors": [door]}),
        ({"touch": 33}, {}),
        ({"touch": 33, "threshold": 400}, {}),
    ):
        pins = {}
        found = waking(wake_by, pins, Esp32, **more)
        assert not found, (wake_by, found)
        assert bool(pins) != bool(more), pins  # a contact takes the pin itself


def test_what_can_not_wake_it_is_told_with_the_cure():
    taken = {("pin", 33): "ethernet.mdc"}
    for wake_by, said in (
        ({}, "sleep.wake: it needs one of pin and touch"),
        ({"pin": 33, "touch": 33}, "sleep.wake: it needs one of pin and touch"),
        ({"pin": 33}, "sleep.wake.level: missing. Use one of 0"),
        ({"pin": 33, "level": 2}, "sleep.wake.level: 2 is wrong"),
        ({"pin": 33, "level": True}, "sleep.wake.level: true is wrong"),
        ({"touch": 33, "level": 1}, "sleep.wake.level: it does not go with touch"),
        ({"pin": 33, "level": 1, "threshold": 9}, "sleep.wake.threshold: it does not go with pin"),
        ({"pin": 22, "level": 1}, "sleep.wake.pin: GPIO22 can't wake it (A_BOARD). Use 33, 35."),
        ({"pin": 1, "level": 1}, "GPIO1 is used for the REPL (A_BOARD). Use 33, 35."),
        ({"pin": 35, "level": 0, "pull": "up"}, "GPIO35 has no pull-up (A_BOARD). Use 33."),
        ({"touch": 35}, "sleep.wake.touch: GPIO35 can't wake it (A_BOARD). Use 33."),
        ({"pin": 33, "level": 0, "sleepy": 1}, "sleep.wake.sleepy: unknown."),
    ):
        found = waking(wake_by, {}, Esp32)
        assert len(found) == 1, (wake_by, found)
        assert said in found[0], (said, found)
    door = {"name": "door", "driver": "digital", "pin": 33, "pull": "up"}
    (found,) = waking({"pin": 33, "level": 0}, {}, Esp32, sensors=[door])
    assert "sleep.wake.pull: the sensor at GPIO33 has another. Give both the same." in found
    (found,) = waking({"pin": 33, "level": 0}, taken, Esp32)
    assert "GPIO33 is already used by ethernet.mdc (A_BOARD). Use 35." in found, found


def test_boards_that_no_pin_wakes_say_what_does():
    class Wired(Board):
        SLEEP_PIN = 16

    class Touchless(Esp32):
        WAKE_TOUCH = ()

    (found,) = waking({"pin": 33, "level": 0}, {}, Wired)
    assert "only its RST pin wakes A_BOARD. Connect the button between RST and GND" in found
    (found,) = waking({"pin": 33, "level": 0}, {}, Board)
    assert found == "sleep.wake.pin: a pin can't wake A_BOARD. Remove it."
    (found,) = waking({"touch": 33}, {}, Touchless)
    assert found == "sleep.wake.touch: a touch can't wake A_BOARD. Use a pin."


def test_only_a_relay_without_a_limit_keeps_its_state():
    valve = {"name": "valve", "driver": "relay", "pin": 4}
    lamp = {"name": "lamp", "driver": "dimmer", "pin": 5}
    for board, sensors, keep, said in (
        (Esp32, [valve], ["valve"], ""),
        (Esp32, [valve], ["pump"], "sleep.keep[0]: there is no such sensor"),
        (Esp32, [valve, lamp], ["valve", "lamp"], "sleep.keep[1]: lamp is no relay"),
        (Esp32, [dict(valve, most_s=60.0)], ["valve"], "nobody would switch valve off"),
        (Esp32, [valve], [4], "sleep.keep[0]: there is no such sensor"),
        (Esp32, [valve], ["valve"] * 8, "sleep.keep: 8 outputs; up to 7"),
        (Board, [valve], ["valve"], "sleep.keep: the pins of A_BOARD float while it sleeps"),
    ):
        section = {"every": 600, "awake": 20, "keep": keep}
        found = check_section(board, {"sleep": section, "sensors": sensors})
        assert len(found) == bool(said), found
        assert said in "".join(found), found


def test_a_reason_to_wake():
    class Woken:
        def wake_reason(self):
            return code

    before = wake.machine
    try:
        for code, said in (
            (0, "time"),
            (2, "pin"),
            (3, "pin"),
            (4, "time"),
            (5, "touch"),
            (7, "pin"),
        ):
            wake.machine = Woken()
            assert wake.reason() == said, code
        wake.machine = Machine  # a port without it
        assert wake.reason() == "time"
    finally:
        wake.machine = before


def waking(wake_by, pins, board, **more):
    section = {"every": 600, "awake": 20, "wake": wake_by}
    return check_section(board, dict(more, sleep=section), pins, None)


def test_short_times_are_warned_of():
    warnings = []
    assert not check_section(Board, {"sleep": {"every": 60, "awake": 5, "hold": 10}}, {}, warnings)
    assert len(warnings) == 2, warnings


def check_section(board, changes, pins=None, warnings=None):
    from node.config.sleep import check as check_sleep

    config = dict(GOOD)
    config.update(changes)
    found = []
    check_sleep(found, config, board, {} if pins is None else pins, warnings)
    return found
