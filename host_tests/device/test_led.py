# The status LED: how often it blinks, and how long a node may sleep meanwhile.
# port
from node.led import blink


class Client:
    up = False
    connects = 0

    def step(self):
        return 1000


class Wlan:
    joined = False

    def isconnected(self):
        return self.joined


class Node:
    safe = False
    uptime = 0
    phase = "network"
    wlan = None

    def __init__(self):
        self.client = Client()


class Pin:
    def __init__(self):
        self.levels = []

    def value(self, level):
        self.levels.append(level)


class Watch:
    """A light whose time is a number here."""

    def __init__(self, lit=True):
        self.now = 0
        blink.ticks_ms = lambda: self.now
        self.node = Node()
        self.pin = Pin()
        self.light = blink.Light(self.node, Client.step, self.pin, lit)

    def cycle(self):
        """One cycle: how many ms each level lasted, from the first that is lit on."""
        found = []
        while len(found) < 40:
            before = self.light.on
            began = self.now
            while self.light.on == before and self.now - began < 5000:
                wait = self.light.turn()
                assert 0 < wait <= 1000
                if self.light.on == before:
                    self.now += wait
            found.append((before, self.now - began))
        return found


def blinks(watch):
    """How often it blinks between two pauses; each of them is the same."""
    counts = []
    count = 0
    for on, ms in watch.cycle():
        if on:
            count += 1
            assert ms == 150 or not counts, ms  # the state has just changed
        elif ms > 1000:
            counts.append(count)
            count = 0
        else:
            assert ms == 250 or not counts, ms
    assert len(set(counts[1:])) == 1, counts
    return counts[1]


def test_it_is_lit_while_the_node_starts_and_no_longer_than_20_s():
    watch = Watch()
    assert watch.light.turn() == 1000
    assert watch.light.on and not watch.pin.levels
    watch.node.uptime = 20
    assert blinks(watch) == 3


def test_it_is_dark_while_all_is_well_and_the_node_sleeps_as_long_as_without_it():
    watch = Watch()
    watch.node.client.up = True
    for _ in range(9):
        assert watch.light.turn() == 1000
    assert watch.pin.levels == [False]


def test_it_tells_what_is_missing():
    watch = Watch()
    watch.node.uptime = 99
    watch.node.client.connects = 1
    assert blinks(watch) == 3
    watch.node.wlan = Wlan()
    assert blinks(watch) == 2
    watch.node.wlan.joined = True
    assert blinks(watch) == 3
    watch.node.safe = watch.node.client.up = True
    assert blinks(watch) == 5


def test_a_led_to_the_supply_is_lit_by_a_low_level():
    watch = Watch(lit=False)
    watch.node.client.up = True
    watch.light.turn()
    assert watch.pin.levels == [True]
    watch.light.value(True)
    assert watch.pin.levels == [True, False]


def test_the_step_of_the_client_is_called_once_in_each_turn():
    watch = Watch()
    called = []
    watch.light.step = called.append
    watch.node.client.up = True
    assert watch.light.turn(watch.node.client) is None
    assert called == [watch.node.client]


def test_the_command_identify_blinks_it_for_two_seconds():
    watch = Watch()
    watch.node.client.up = True
    watch.light.turn()
    watch.node.phase = "petrel/n1/cmd/identify"
    wait = watch.light.turn()
    watch.node.phase = "network"
    del watch.pin.levels[:]
    while wait < 1000:
        watch.now += wait
        wait = watch.light.turn()
    assert 2000 <= watch.now <= 2200
    assert 18 <= len(watch.pin.levels) <= 22 and not watch.light.on
