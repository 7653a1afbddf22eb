"""The command `identify`: a LED that MicroPython knows by its name blinks."""

import sys

from node.commands.values import identify


class Pin:
    OUT = 1
    named = ()
    levels = []

    def __init__(self, name, mode):
        if name not in self.named:
            raise ValueError("no such pin")

    def value(self, level):
        self.levels.append(level)


class Machine:
    Pin = Pin


class Node:
    prefix = "petrel/n1/"


def test_a_led_blinks_and_ends_dark():
    before = sys.modules.get("machine")
    sys.modules["machine"] = Machine
    try:
        for named, blinks in ((("LED",), 10), (("LED_BLUE",), 10), ((), 0)):
            Pin.named, Pin.levels = named, []
            assert identify(Node, b"") == {}
            assert Pin.levels == [True, False] * blinks
    finally:
        del sys.modules["machine"]
        if before:
            sys.modules["machine"] = before
