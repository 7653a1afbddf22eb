"""MicroPython's `network`. The system looks after Wi-Fi and Ethernet: the node only uses them."""

import socket


def hostname(name=None):
    return socket.gethostname() if name is None else None
