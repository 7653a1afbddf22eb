"""What a node's own words mean: a finding for everything that is not as it should be."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any

from tools.doctor.findings import Finding, cure_of, good, look, wrong
from tools.doctor.heard import Heard
from tools.make.mip import version
from tools.shared.words import counted
from tools.talk.dialog import hint

WEAK, FAINT = -78, -87  # dBm
FEW_BYTES = 3000  # of free heap
OFTEN_S = 1800  # a connection that lasts less on average is worth a look
TIMES = 2.5  # intervals in which a sensor has to report

Check = Callable[[Heard, dict[str, Any]], Iterator[Finding]]


def judge(heard: Heard) -> list[Finding]:
    """What is to be said of a node."""
    if not heard.known:
        return list(_unknown(heard))
    told = heard.diagnostics
    checks = _ONLINE if heard.online else (_offline,)
    return [finding for check in (*checks, *_ALWAYS) for finding in check(heard, told)]


def number(told: dict[str, Any], key: str) -> float:
    """A number of the diagnostics, 0 if it isn't there or none."""
    value = told.get(key)
    return float(value) if isinstance(value, int | float) else 0.0


def listed(told: dict[str, Any], key: str) -> list[str]:
    """A list of the diagnostics, or the keys of an object; empty if it isn't there or neither."""
    value = told.get(key)
    return [str(each) for each in value] if isinstance(value, list | dict) else []


def span(seconds: float) -> str:
    """Seconds in the unit in which people would say them."""
    for size, what in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return counted(int(seconds // size), what)
    return counted(int(seconds), "second")


def _unknown(heard: Heard) -> Iterator[Finding]:
    others = sorted(set(heard.others))
    near = difflib.get_close_matches(heard.node, others, 1)
    if near:
        cure = f"Did you mean {near[0]}?"
    elif others:
        shown = ", ".join(others[:8]) + (" ..." if len(others) > 8 else "")
        cure = f"Nodes there: {shown}."
    else:
        cure = (
            "No node has ever connected there, or your user may not read its topics. Is it the "
            "broker of the node's config, and its base (--base)?"
        )
    yield wrong(
        f"this broker has nothing from {heard.base}/{heard.node}",
        f"{cure} With the node on USB, petrel doctor without a name shows what it prints.",
    )


def _offline(heard: Heard, told: dict[str, Any]) -> Iterator[Finding]:
    homie = not heard.kept.get("status")
    if homie and any(heard.readings.values()):
        yield look("it tells no status", "Nodes that speak Homie have none.")
        return
    yield wrong(
        f"{heard.node} is offline",
        "Has it power, and its Wi-Fi? With the node on USB, petrel doctor without a name shows "
        "what it prints. What follows is what it said last.",
    )


def _answers(heard: Heard, told: dict[str, Any]) -> Iterator[Finding]:
    yield good(f"{heard.node} is online")
    refused = [reply for reply in heard.replies.values() if isinstance(reply, dict)]
    if not refused:
        yield wrong(
            "it answers no command",
            f"The broker's rules must let it read {heard.base}/{heard.node}/cmd/#, and let you "
            "write there. If it was switched off just now, the broker hasn't noticed yet. A node "
            "that sleeps answers at its next wake; to keep it up, send it awake as a retained "
            "message: docs/battery.md",
        )
        return
    bad = [str(reply.get("error", reply)) for reply in refused if reply.get("ok") is not True]
    for error in dict.fromkeys(bad):
        yield look(f"it refuses a command: {error}", hint(error, heard.signed).capitalize())
    if not bad:
        yield good("it answers commands")


def _reports(heard: Heard, told: dict[str, Any]) -> Iterator[Finding]:
    """Whether its sensors report as often as its config says."""
    if told.get("mode") == "safe":
        return
    failing = listed(told, "failing")
    for name, interval in heard.sensors().items():
        count = heard.count(name)
        if count:
            yield good(f"{name} reports: {counted(count, 'reading')} in {heard.seconds:.0f} s")
        elif interval * TIMES < heard.seconds and name not in failing:
            yield wrong(
                f"{name} should report every {interval:g} s, and said nothing for "
                f"{heard.seconds:.0f} s",
                f"Its log may say why: petrel logs {heard.node}",
            )
    came = [each for all_of in heard.readings.values() for each in all_of]
    if came and all("uptime" in each for each in came):
        yield look(
            "its clock isn't set: readings have the uptime in place of the time",
            'It asks pool.ntp.org, or what "ntp" names. It needs a way to the internet, or a '
            "server of yours.",
        )


def _mode(heard: Heard, told: dict[str, Any]) -> Iterator[Finding]:
    if told.get("mode") == "safe":
        yield wrong(
            "it is in safe mode, in which it answers commands and reads no sensors",
            f"Fix what follows, then send it reboot: petrel send {heard.node} reboot",
        )
    for fault in listed(told, "faults"):
        yield wrong(fault, cure_of(fault))
    if told.get("rules"):
        yield look(f"its rules: {told['rules']}", "What sets its clock? docs/rules.md")
    if told.get("why"):
        times = counted(int(number(told, "crashes") or 1), "time")
        yield wrong(f"it crashed {times} in a row: {told['why']}", cure_of(str(told["why"])))
    if told.get("reset") == "wdt":
        yield look("its watchdog had to restart it", "A driver or a full network held it up.")
    if told.get("config"):
        yield look(f"it went back to its config before: {told['config']}")


def _sensors(heard: Heard, told: dict[str, Any]) -> Iterator[Finding]:
    error = str(told.get("error") or "")
    failing = listed(told, "failing")
    for name in failing:
        said = error if error.startswith(name + ":") else f"{name}: fails each time"
        yield wrong(said, cure_of(error) or "Check its wires: petrel wiring draws them.")
    if error and not any(error.startswith(name + ":") for name in failing):
        yield look(f"the last error: {error}", cure_of(error))


def _network(heard: Heard, told: dict[str, Any]) -> Iterator[Finding]:
    rssi = told.get("rssi")
    if told.get("network"):
        yield good(f"its network: {told['network']}")
    if isinstance(rssi, int | float):
        if rssi <= WEAK:
            kind = wrong if rssi <= FAINT else look
            yield kind(f"its Wi-Fi is weak: {rssi:g} dBm", cure_of("is too weak here"))
        else:
            yield good(f"its Wi-Fi: {rssi:g} dBm")
    uptime, connects = number(told, "uptime"), number(told, "connects")
    if connects > 2 and uptime < connects * OFTEN_S:
        yield look(
            f"it had to connect {connects:.0f} times in {span(uptime)}",
            "The network or the broker ends its connection again and again. Do two nodes have "
            "the same name?",
        )
    if told.get("wifi_restarts"):
        yield look(f"it switched its Wi-Fi off and on {told['wifi_restarts']} times")
    for key, what in (("not_subscribed", "may not subscribe to"), ("set_aside", "may not use")):
        if topics := listed(told, key):
            yield look(
                f"it {what} {', '.join(topics)}",
                "Look at the broker's rules: docs/topics.md",
            )
    denied = told.get("denied")
    if isinstance(denied, dict):
        count = counted(int(number(denied, "count")), "time")
        reason = f", the last time with: {denied['reason']}" if denied.get("reason") else ""
        yield look(
            f"the broker refused what it sent {count}{reason}",
            "Look at the broker's rules: docs/topics.md",
        )


def _queue(heard: Heard, told: dict[str, Any]) -> Iterator[Finding]:
    waiting = number(told, "waiting")
    if waiting > 3:
        yield look(f"{waiting:.0f} messages wait for the broker's answer")
    if count := int(number(told, "refused")):
        yield look(
            f"{counted(count, 'reading')} found no room in its queue, and are lost",
            'Outages were longer than its queue. "delivery": "must_deliver" keeps readings on '
            "the flash: docs/delivery.md",
        )
    for key, one, what, cure in (
        (
            "drops",
            "failure",
            "since its start: readings, connections, or commands that it did not obey",
            f"Its last error says which; petrel logs {heard.node} shows each as it happens. "
            "A command that is sent as a retained message is never obeyed: docs/topics.md",
        ),
        (
            "skipped",
            "message",
            "too large for it to take",
            f"Who sends so much to {heard.base}/{heard.node}/cmd? It has room for 256 bytes.",
        ),
        (
            "lost",
            "message",
            "not kept over a restart",
            '"delivery": "must_deliver" keeps readings on the flash: docs/delivery.md',
        ),
    ):
        if count := int(number(told, key)):
            yield look(f"{counted(count, one)} {what}", cure)
    flash = told.get("flash")
    if isinstance(flash, dict) and any(flash.values()):
        yield look(
            "its flash: " + ", ".join(f"{value} {key}" for key, value in flash.items()),
            "Back up its config; the flash may be worn out.",
        )


def _memory(heard: Heard, told: dict[str, Any]) -> Iterator[Finding]:
    if told and number(told, "heap_free") < FEW_BYTES:
        yield look(
            f"only {number(told, 'heap_free'):,.0f} bytes of its RAM are free",
            "Does it fit? docs/config.md",
        )


def _version(heard: Heard, told: dict[str, Any]) -> Iterator[Finding]:
    if not told:
        if heard.kept:
            yield look(
                "it has told no diagnostics",
                f"May it write {heard.base}/{heard.node}/diagnostics?",
            )
        return
    here, runs = version(), str(told.get("version"))
    since = f", up for {span(number(told, 'uptime'))}" if heard.online else ""
    what = f"Petrel {runs} on {told.get('board')}{since}"
    if runs == here:
        yield good(what)
    else:
        yield look(f"{what}; here is {here}", "Deploy, or offer it a release: docs/updates.md")
    update = heard.kept.get("update/state")
    if isinstance(update, dict) and update.get("error"):
        yield look(f"its last update: {update['error']}", "docs/updates.md")


_ONLINE: tuple[Check, ...] = (_answers, _reports)
_ALWAYS: tuple[Check, ...] = (_mode, _sensors, _network, _queue, _memory, _version)
