"""The device twin of a node at Azure IoT Hub. Needed now and then, then forgotten.

The same serves the device shadow at AWS, see node.network.shadow_state.

The desired property `config` is a part of a config, as the command `config` takes one: it is
checked and stored, and the node restarts with it or goes back. What came of it is the reported
property `desired`. Which version was obeyed last is on the flash, so that each is tried once.

The reported property `config` is the config in use, without its secrets; `config_mark` tells
whether the twin has it already. All other reported properties are those of the diagnostics.
"""

import json
import os
import sys

from micropython import const

from node.overlay import call, forget

_REPORTED = const("$iothub/twin/PATCH/properties/reported/?$rid=%s")
_GET = const("$iothub/twin/GET/?$rid=twin")
_NOTE = const("config.json.desired")  # JSON: the version that was obeyed, and whether it is open
_TOLD = const("config.json.told")
_PART = const("config.json.twin")
_OWN = ("config", "config_mark", "desired", "$version")
_MINUTE_S = const(60)
_TRIAL_S = const(300)


def ask(hub):
    """Ask for the twin; what has come after a minute is asked for again."""
    client = hub.node.client
    if client.post(_GET, b"", False, 0) is None:
        hub.asks = 1
    else:
        hub.asks = _MINUTE_S


def sink():
    """Return what takes an answer that is longer than the client's buffer."""
    return call("commands", "large", "Part", _PART)


def take(hub, topic, payload):
    """Take a message of the twin."""
    try:
        if topic.endswith("$rid=twin"):
            if "/res/200/" in topic:
                hub.asks = 0
                whole(hub, read(payload))
        elif "/desired/" in topic:
            desired = read(payload)
            obey(hub, desired.get("config"), desired["$version"])
        elif "/res/2" not in topic:
            hub.node.failed("twin", "the hub refused a report: " + topic)
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, MemoryError
    ) as error:  # fmt: skip
        hub.node.failed("twin", error)
    finally:
        if hasattr(payload, "at"):
            payload.abort()


def read(payload):
    """Return the JSON of a payload, which may be a file."""
    if not hasattr(payload, "at"):
        return json.loads(payload)
    if payload.error:
        raise payload.error
    with open(payload.name) as file:
        return json.load(file)


def whole(hub, twin):
    """Take the twin itself, which was asked for after a connection."""
    reported = twin["reported"]
    if hub.told is None:  # it may have what the start before said
        hub.node.news = True
    hub.told = [key for key in reported if key not in _OWN]
    tell_config(hub, reported)
    obey(hub, twin["desired"].get("config"), twin["desired"]["$version"])


def obey(hub, part, version):
    """Change the config by a part of one, unless that version was obeyed before."""
    node = hub.node
    if part is None or version == note().get("version"):
        return
    stage = sys.modules.get("stage")
    if stage and stage.trying:  # an update, which ends with this config or the one before
        hub.asks = _TRIAL_S
        return
    if isinstance(part, dict):
        payload = json.dumps(part).encode()
        part = None
        said = json.loads(call("commands", "orders", "obey", node, "config", payload))
    else:
        said = {"ok": False, "error": 'desired.config: use an object, {"sensors": ...}.'}
    taken = report(hub, version, "stored" if said["ok"] else "refused", said)
    if taken or said["ok"]:  # of a good one the outcome is reported as well
        write({"version": version, "open": said["ok"]})
    else:  # the queue is full
        hub.asks = _MINUTE_S


def outcome(hub, payload):
    """Report what came of a desired config, which the node tells after its restart.

    Returns False if the report isn't taken now: the node tells it again.
    """
    noted = note()
    said = json.loads(payload)
    if not noted.get("open") or "applied" not in said:
        return True  # it was a command
    if not report(hub, noted["version"], "applied" if said["ok"] else "taken back", said):
        return False
    noted["open"] = False
    write(noted)
    return True


def report(hub, version, state, said):
    """Report the state of a desired config, with QoS 1; returns whether the queue has taken it."""
    told = {"version": version, "state": state}
    for key in ("error", "faults", "warnings"):
        told[key] = said.get(key)  # null removes the one from before
    topic, text = placed(hub, "desired", json.dumps({"desired": told}))
    return hub.node.client.post(topic, text) is not None


def placed(hub, number, text):
    """Return topic and payload of a report; number: that of the request."""
    if hub.shadow:
        return hub.shadow + "update", '{"state": {"reported": %s}}' % text
    return _REPORTED % number, text


def diagnostics(hub, payload):
    """Return the diagnostics as reported properties; what is no longer said is removed."""
    said = json.loads(payload)
    if "config" in said:  # why there is no new one
        said["config_error"] = said.pop("config")
    known = hub.told
    if known is not None:
        hub.told = list(said)
        for key in known:
            said.setdefault(key, None)
    return json.dumps(said)


def tell_config(hub, reported):
    """Report the config in use, unless it is among what was reported already."""
    client = hub.node.client
    try:
        name = call("config", "used", "used", hub.node)
        mark = call("config", "used", "mark", name)
        if "config" in reported and reported.get("config_mark") == mark:
            return
        # A report is merged with what is there, so first that has to go.
        topic, text = placed(hub, "config", '{"config": null, "config_mark": null}')
        gone = client.post(topic, text, False, 0)
        text = placed(hub, "config", '{"config_mark": "%s", "config": \n}' % mark)[1]
        head, _, tail = text.partition("\n")
        if gone is None or not call(
            "commands", "shown", "tell", client, name, head, tail, topic, _TOLD
        ):
            hub.asks = 1  # once more, in a second
    finally:
        forget("used", package="node.config")


def note():
    """Return what is noted of the version that was obeyed last."""
    try:
        with open(_NOTE) as file:
            noted = json.load(file)
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def write(noted):
    """Note it, in one step."""
    with open(_NOTE + ".new", "w") as file:
        json.dump(noted, file)
    if hasattr(os, "sync"):
        os.sync()
    call("config", "record", "settle", _NOTE)
