"""Tells what the rules do: on the console, in messages, as alarms. Needed then, then forgotten."""

import json
import time

from micropython import const

# Places in a rule, see node.rules.engine.
_ELSE = const(2)
_THEN = const(3)
_ALARM = const(6)
_NAME = const(7)
_OPEN = const(1)

_WAIT = const("the rules with times of day wait: the clock isn't set yet")


def told(engine, i):
    """Tell that a rule has acted, unless the readings need the room."""
    node = engine.node
    rule = engine.rules[i]
    found = engine.states[i]
    did = []
    for sensor, value, seconds in rule[_THEN if found else _ELSE]:
        said = "%s = %s" % (sensor.name, json.dumps(value))
        did.append(said + " for %d s" % seconds if seconds else said)
    value = _shown(engine.reading[i])
    what = ", ".join(did) or ("it is so" if found else "it is over")
    print("Petrel: rule %s (%s): %s" % (rule[_NAME], value, what))
    outbox = node.client.outbox
    if outbox.count * 2 >= outbox.limit:
        return
    message = '{"value": %d, "unit": "", "did": %s, "because": %s, ' % (
        found > 0, json.dumps(did), value,
    )  # fmt: skip
    _post(node, "rules/" + rule[_NAME], message, False)


def alarm(engine):
    """Tell the next alarm that is to be told. The broker retains it."""
    node = engine.node
    for i, rule in enumerate(engine.rules):
        if engine.untold >> i & 1:
            on = engine.states[i] > _OPEN
            since = (
                json.dumps(engine.since[i] - node.uptime + _now(node)) if _now(node) else "null"
            )
            message = '{"alarm": %s, "text": %s, "value": %s, "since": %s, ' % (
                json.dumps(on), json.dumps(rule[_ALARM]), _shown(engine.reading[i]), since,
            )  # fmt: skip
            if _post(node, "alarm/" + rule[_NAME], message, True) is not None:
                engine.untold &= ~(1 << i)
            return


def _post(node, topic, message, retain):
    """Post what ends as a reading does: node.network.stamp looks for that."""
    node.count += 1
    now = _now(node)
    message += '"seq": %d, "boot": %d, "%s": %d}' % (
        node.count, node.boot, "time" if now else "uptime", now or node.uptime,
    )  # fmt: skip
    return node.client.post(node.prefix + topic, message, retain)


def _shown(value):
    """Return a value as JSON; a float with a board's seven digits."""
    return "%.7g" % value if isinstance(value, float) else json.dumps(value)


def _now(node):
    """Return the seconds since 1970; 0 if the clock isn't set."""
    return 0 if node.unset else int(time.time()) + node.epoch


def switch(engine, value):
    """Switch a rule off or on; value: {"rule": name, "on": true or false}."""
    names = [rule[_NAME] for rule in engine.rules]
    if not isinstance(value, dict) or not isinstance(value.get("on"), bool):
        raise ValueError('value: {"rule": name, "on": true or false}')
    if value.get("rule") not in names:
        known = ", ".join(names)
        raise ValueError(
            "rule: there is no %r; there are %s" % (str(value.get("rule"))[:32], known)
        )
    i = names.index(value["rule"])
    print("Petrel: rule %s is switched %s" % (names[i], "on" if value["on"] else "off"))
    if value["on"]:
        engine.off &= ~(1 << i)
        engine.news = True
        return
    engine.off |= 1 << i
    if engine.rules[i][_ALARM]:
        if engine.states[i] > _OPEN:
            engine.since[i] = engine.node.uptime
        engine.untold |= 1 << i
    engine.states[i] = _OPEN


def waits(engine):
    """Tell that the time isn't known."""
    engine.awaited = True
    engine.node.about["rules"] = _WAIT
    print("Petrel:", _WAIT)


def ready(engine):
    """Tell that it is known."""
    engine.awaited = False
    engine.node.about.pop("rules", None)
    engine.untold = 0
    for i, rule in enumerate(engine.rules):  # "since" is known now
        if rule[_ALARM] and engine.states[i] != _OPEN:
            engine.untold |= 1 << i
    print("Petrel: the clock is set, and all rules work")
