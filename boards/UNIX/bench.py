# The wire from the simulated board to the bench on the host, which holds all models of parts,
# the Wi-Fi, the power and the clock of the watchdog: none of that costs the node's heap.
# One connection carries questions and answers, a second one, read by a thread, what interrupts.
import _thread
import os
import socket

from micropython import schedule
from utime import sleep_ms

_address = os.getenv("PETREL_BENCH")
_wire = None
handlers = []  # functions of a level; their place is the number that an event carries


def _connect(greeting):
    host, port = _address.split(":")
    wire = socket.socket()
    wire.connect(socket.getaddrinfo(host, int(port))[0][-1])
    wire.write(greeting + "\n")
    return wire


def ask(*words):
    """Ask the bench one thing; returns its answer, or None where there is no bench."""
    global _wire
    if not _address:
        return None
    if not _wire:
        _wire = _connect("questions")
    _wire.write(" ".join([str(word) for word in words]) + "\n")
    answer = str(_wire.readline(), "utf-8")[:-1]
    if answer[:1] == "!":
        raise ValueError(answer[1:])
    return answer


def on_event(handler):
    """Have handler(level) called for events; returns the number under which they come."""
    handlers.append(handler)
    if len(handlers) == 1 and _address:
        _thread.start_new_thread(_listen, (_connect("events"),))
    return len(handlers) - 1


def _listen(wire):
    event = bytearray(2)
    while wire.readinto(event, 2):
        done = False
        while not done:
            try:
                schedule(_fire, event[0] << 1 | event[1])
                done = True
            except RuntimeError:  # the queue is full: an interrupt is late, not lost
                sleep_ms(1)


def _fire(event):
    handlers[event >> 1](event & 1)
