"""The boot stage: starts Petrel from one of two slots, or from what a deploy put onto the board.

A new slot has three starts, of three minutes each, to prove itself (node.update.trial). If it
doesn't, the one before starts again. This file is never updated, and trusts nothing in a slot.
It is loaded on a board that takes updates: one with the folder update/.
`state`, kept in update/state: the good slot, or "-" for what was deployed; the slot to try, or
"-"; the starts it has left; the highest serial that was good.
"""

import os
import sys

import machine
from micropython import const

_NAME = const("update/state")

state = ["-", "-", "0", "0"]
slot = "-"  # what runs
trying = False
seconds = 180  # that are left of this start
feed = int
timer = None


def boot():
    """What boot.py calls: choose the slot. One that is on trial isn't touched before run()."""
    global slot, trying
    read()
    if "deployed" in os.listdir("update"):  # since then by a cable: that is what is wanted
        state[:3] = ["-", "-", "0"]
        write()
        os.remove("update/deployed")
    slot = state[0]
    trying = state[1] != "-" and state[2] != "0" and "maintenance" not in os.listdir()
    if trying:  # by run() alone: for a raw REPL, too, the board runs boot.py
        return
    try:
        use()
    except Exception as error:  # it is damaged; what was deployed may still be there
        sys.print_exception(error)
    import node.main

    if state[1] != "-" and state[2] == "0":
        try:
            node.main.call("update", "begin", "back")
        except Exception as error:  # it will be tried again
            sys.print_exception(error)
    node.main.boot()


def run():
    """What main.py calls: start the node. If a slot on trial raises, note why, and reset."""
    global seconds
    try:
        if trying:
            prove()
        import node.main

        if trying:
            node.main.boot()
        node.main.run()
    except BaseException as error:
        if not trying:
            raise
        if not isinstance(error, KeyboardInterrupt):
            sys.print_exception(error)
            with open("update/why", "w") as file:
                file.write(repr(error))
            machine.reset()
    seconds = 1 << 29  # a person is at the REPL


def prove():
    """Count a start of the slot on trial, set the watchdog and the timer, and use the slot."""
    global slot, feed, timer
    slot = state[1]
    state[2] = str(int(state[2]) - 1)
    write()  # before anything of the slot runs
    for ms in (120_000, 32_700, 8388, 5000):  # what ports can do
        try:
            feed = machine.WDT(timeout=ms).feed
            break
        except ValueError:
            pass
    for number in (-1, 3, 1):
        try:
            timer = machine.Timer(number)
            timer.init(period=1000, callback=tick)
            break
        except (ValueError, OSError):
            pass
    use()


def tick(_):
    """Each second: feed the watchdog while the node starts; reset when the time is up."""
    global seconds
    seconds -= 1
    if seconds > 60:  # from then on the node has to do it
        feed()
    elif seconds <= 0:
        machine.reset()


def use():
    """Import from the slot before what was deployed."""
    if slot != "-":
        name = "update." + slot
        __import__(name, None, None, ("mount",)).mount("update/" + slot)
        sys.path[:0] = ["/slot/lib"]


def read():
    """Read the state; what is damaged is left out."""
    for name in (_NAME, _NAME + ".new"):
        try:
            with open(name) as file:
                words = file.read().split()
            if len(words) == 4 and int(words[2]) >= 0 <= int(words[3]):
                state[:] = words
                if name != _NAME:  # the power was cut
                    keep()
                return
        except (OSError, ValueError):
            pass


def write():
    """Write the state, so that a power cut leaves the old one or the new one.

    No file is renamed: on FAT that isn't a single step. See node.config.load.
    """
    put(_NAME + ".new")
    keep()


def keep():
    """Have the state, which is in .new, take its place."""
    put(_NAME)
    os.remove(_NAME + ".new")


def put(name):
    """Write a file with the state."""
    with open(name, "w") as file:
        file.write(" ".join(state))
    if hasattr(os, "sync"):
        os.sync()
