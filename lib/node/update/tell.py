"""Tells how an update is going, at <base>/<node>/update/state. Loaded, used, forgotten."""

import json

from micropython import const

from node.overlay import call

_FAILED = const("update/failed")


def tell(updates, state, offer=None, percent=None, error=None):
    """Publish the state; returns the number of the message, None if it wasn't taken.

    offer: the manifest of what was offered
    """
    stage = updates.stage
    runs = running(stage)
    said = {"state": state, "version": runs[0], "serial": runs[1]}
    if offer:
        said["latest"] = offer["version"]
        said["offered"] = offer["serial"]
    if percent is not None:
        said["percent"] = percent
    if error:
        said["error"] = str(error)
        print("Petrel: update:", error)
    node = updates.node
    return node.client.post(node.prefix + "update/state", json.dumps(said), True)


def running(stage):
    """Return version and serial of what runs; serial 0: it was deployed."""
    if stage.slot != "-":
        try:
            with open("update/" + stage.slot + ".offer", "rb") as file:
                found = json.loads(file.readline())
            return found["version"], found["serial"]
        except (OSError, ValueError, KeyError):
            pass
    return call("health", "telemetry", "version"), 0


def failed(identity):
    """Return why the release with that identity was taken back here, if it was."""
    try:
        with open(_FAILED) as file:
            if file.readline().strip() == identity:
                return file.readline().strip()
    except (OSError, ValueError):
        pass
    return ""


def note(identity, error):
    """Remember why it was taken back, so that it isn't tried again."""
    call("config", "load", "write", _FAILED, ("%s\n%s\n" % (identity, error)).encode())
