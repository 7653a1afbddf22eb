"""Asks Azure's provisioning service (DPS) for the node's hub. Loaded by a config that wants it.

The service tells the name of the hub and of the device there. They go onto the flash, and the node
restarts; from then on it is node.network.azure_iot_hub that speaks. What the node measures until
then waits.
"""

import json
import time

from micropython import const

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

_FILE = const("azure.json")  # which hub, and for whom
_ROOT = const("$dps/registrations/")
_HOUR_S = const(3600)
_FIRST = const(1)  # s after the connection
_AGAIN_S = const(3)  # between two questions, unless the service says otherwise
_FAILED_S = const(60)

hub: "Any" = None  # first the parts of the connection string, then what join() has made


class Service:
    """The registration.

    asks: s until the next question; operation: that of the registration, once it has begun
    """

    def __init__(self, node, given):
        self.node = node
        self.given = given
        self.fresh = True
        self.asks = _FIRST
        self.operation = None

    def ready(self):
        """Whether a connection can begin: there is a network, and the time is known."""
        node = self.node
        return not node.unset and (not node.wlan or node.wlan.isconnected())

    def password(self):
        """Return the password for the connection that begins; None with a certificate."""
        key = self.given.get("SharedAccessKey")
        if not key:
            return None
        where = "%s%%2Fregistrations%%2F%s" % (
            self.given["IdScope"], self.given["RegistrationId"]
        )  # fmt: skip
        until = int(time.time()) + self.node.epoch + _HOUR_S
        return call("network", "shared_access", "token", where, key, until)

    def each_second(self):
        """Register, or ask how far that is."""
        client = self.node.client
        if not client.up or client.untold:
            return
        self.asks -= 1
        if self.asks > 0:
            return
        self.asks = _FAILED_S
        if self.operation:
            topic = "GET/iotdps-get-operationstatus/?$rid=2&operationId=" + self.operation
            payload = " "
        else:
            topic = "PUT/iotdps-register/?$rid=1"
            payload = json.dumps({"registrationId": self.given["RegistrationId"]})
        if client.post(_ROOT + topic, payload, False, 0) is None:
            self.asks = _FIRST

    def arrived(self, topic, payload, retained):
        """Take an answer of the service."""
        node = self.node
        try:
            status = int(topic[len(_ROOT) + 4 :].split("/")[0])
            said = json.loads(payload)
            if status >= 300:
                self.operation = None
                raise ValueError("%d %s" % (status, said.get("message", "")))
            if said.get("status") == "assigned":
                state = said["registrationState"]
                note(self.given, state["assignedHub"], state["deviceId"])
                node.ended = "it belongs to the hub " + state["assignedHub"]
            elif said.get("status") in ("failed", "disabled"):
                self.operation = None
                raise ValueError("the registration has " + said["status"])
            else:
                self.operation = said["operationId"]
                self.asks = _AGAIN_S
                if "retry-after=" in topic:
                    self.asks = int(topic.split("retry-after=")[1].split("&")[0])
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            node.failed("provisioning", error)

    def large(self, topic, size, retained):
        """Return what takes an answer that is longer than the client's buffer."""
        from mqtt.engine.large import Whole

        return Whole(size)


def assigned(given):
    """Return the parts of the connection string for the hub; None if it isn't known."""
    try:
        with open(_FILE) as file:
            found = json.load(file)
        if found["for"] != [given["IdScope"], given["RegistrationId"]]:
            return None
        its = {"HostName": found["hub"], "DeviceId": found["device"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    for key in ("SharedAccessKey", "x509"):
        if key in given:
            its[key] = given[key]
    return its


def note(given, name, device):
    """Note on the flash which hub it is."""
    told = {"for": [given["IdScope"], given["RegistrationId"]], "hub": name, "device": device}
    with open(_FILE + ".new", "w") as file:
        json.dump(told, file)
    call("config", "record", "settle", _FILE)


def join(node, core):
    """Have the client that is about to be made speak with the service, and of nothing else."""
    global hub
    from mqtt.link import Link

    hub = Service(node, hub)
    core.will = core.on_connect = None
    core.window = 0  # readings wait
    core.on_message = hub.arrived
    core.on_large = hub.large
    node.birth = 0
    Link.ready = hub.ready
    Link.post = post  # type: ignore[method-assign]
    Link.open = opened  # type: ignore[method-assign]
    own = type(node)._each_second

    def each_second(node):
        own(node)
        hub.each_second()

    type(node)._each_second = each_second


def opened(client, dial):
    """What open() of the client is here: the same, with a password and the service's filter."""
    from mqtt.engine.core import Core

    if hub.fresh:
        hub.fresh = False
        client.filters.clear()
        client.filters[_ROOT + "res/#"] = 1
        client.untold[:] = list(client.filters)
    hub.asks = _FIRST
    Core.password = hub.password()
    Core.open(client, dial)


def post(client, topic, payload, retain=False, qos=1, properties=None, wait=False):
    """What post() of the client is here: what isn't kept has nowhere to go."""
    from mqtt.engine.core import Core

    if not (qos or topic.startswith(_ROOT)):
        return -1
    return Core.post(client, topic, payload, retain, qos, properties, wait)
