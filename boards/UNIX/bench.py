# The simulated board's link to the bench on the host. The bench holds the models of the parts, the
# Wi-Fi, the power and the watchdog's clock, so none of that takes room in the node's heap. One
# connection carries questions and answers; a thread reads interrupts from a second one.
import _thread
import os
import socket

from micropython import schedule
from utime import sleep_ms

_address = os.getenv("PETREL_BENCH")
_wire = None
handlers = []  # called with a level; an event carries the index of its handler


def _connect(greeting):
    host, port = _address.split(":")
    wire = socket.socket()
    wire.connect(socket.getaddrinfo(host, int(port))[0][-1])
    wire.write(greeting + "\n")
    return wire


def ask(*words):
    """Ask the bench a question; return its answer, or None if there is no bench."""
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
    """Call handler(level) for events; return the number that these events carry."""
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
            except RuntimeError:  # the queue is full: the interrupt is late, not lost
                sleep_ms(1)


def _fire(event):
    handlers[event >> 1](event & 1)
