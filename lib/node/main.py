"""The second stage: decide how to run, run, and see to what happens when that ends.

A crash restarts the board. Three crashes in a row, without a minute of good work between them,
end in safe mode: no sensors, only the connection and the commands, so that the node can say why.
Safe mode ends by itself. A crash is counted before it can happen: the count is raised at the start
and taken back after a minute, so that a hang which only the watchdog ends is counted too.
"""

import asyncio
import gc
import os
import sys
import time

import machine
from micropython import const
from node import boot, retained

_CRASHES = const(3)  # in a row: safe mode
_HEALTHY_S = const(60)  # a node that ran so long did not crash at its start
_SAFE_S = const(600)  # so long it stays in safe mode before it tries again


def run():
    """Run the node; returns only to leave the board to the REPL, saying why."""
    reason = _reason_to_stay_out()
    if reason:
        print("Petrel: not started:", reason)
        return
    crashes, why = retained.load()
    safe = crashes >= _CRASHES or boot.degraded
    retained.store(_CRASHES - 1 if safe else crashes + 1, why or "no answer: watchdog or hang")
    try:
        ended = asyncio.run(_node(crashes, why, safe))
    except KeyboardInterrupt:
        retained.store(0)
        print("Petrel: stopped; machine.reset() starts it again")
        return
    except Exception as error:  # whatever it was: a board in the field has to start again
        sys.print_exception(error)
        retained.store(crashes + 1, "%s: %s" % (type(error).__name__, error))
        time.sleep(1)
    else:
        print("Petrel:", ended)
        retained.store(0)
    machine.reset()


def _reason_to_stay_out():
    if "maintenance" in os.listdir():
        return "there is a file named maintenance; remove it and reset"
    if boot.config is None:
        return "no usable config.json; mend what is named above, then machine.reset()"
    return None


async def _node(crashes, why, safe):
    """Run one node to its end; returns the reason it ended."""
    from node.app import Node

    about = {"board": boot.board, "reset": _reset_cause(), "mode": "safe" if safe else "normal"}
    if crashes:
        about["crashes"] = crashes
        about["why"] = why
    if boot.faults:
        about["faults"] = boot.faults
    config = boot.config
    node = Node(config, about, _link(config), _watchdog(config["watchdog"]))
    if not safe:
        from node.parts import make

        for entry in config["sensors"]:
            node.add(entry, make)
    gc.collect()
    asyncio.create_task(_grow_old(node, safe))
    ended = await node.run()
    for _ in range(20):  # let the reply to the last command leave
        if not node.client.outbox.count:
            break
        await asyncio.sleep_ms(100)
    await node.client.close()
    return ended


async def _grow_old(node, safe):
    """After a while a normal start counts as good, and safe mode ends."""
    await asyncio.sleep(_SAFE_S if safe else _HEALTHY_S)
    if safe:
        node.ended = "safe mode is over"
    else:
        retained.store(0)
        boot.keep()


def _link(config):
    from node import links

    try:
        import network  # noqa: F401
    except ImportError:
        return links.console
    return links.wifi if config.get("wifi") else links.wired


def _watchdog(seconds):
    if not seconds:
        return None
    try:
        return machine.WDT(timeout=seconds * 1000)
    except ValueError:  # ESP8266 has one of a fixed time
        return machine.WDT()


def _reset_cause():
    """The reset cause in words; ports differ in which causes they can tell."""
    cause = machine.reset_cause()
    for name in ("PWRON", "HARD", "WDT", "DEEPSLEEP", "SOFT"):
        if getattr(machine, name + "_RESET", None) == cause:
            return name.lower()
    return str(cause)
