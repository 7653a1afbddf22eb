"""Tells how an update is going, at <base>/<node>/update/state. Loaded, used, forgotten."""

import json
import sys

from micropython import const

from node.overlay import call

_FAILED = const("update/failed")


def tell(node, state, offer=None, percent=None, error=None):
    """Publish the state; returns the number of the message, None if it wasn't taken.

    offer: the manifest of what was offered
    """
    runs = call("update", "begin", "running", sys.modules["stage"])
    said = {"state": state, "version": runs[0], "serial": runs[1]}
    if offer:
        said["latest"] = offer["version"]
        said["offered"] = offer["serial"]
    if percent is not None:
        said["percent"] = percent
    if error:
        said["error"] = str(error)
        print("Petrel: update:", error)
    return node.client.post(node.prefix + "update/state", json.dumps(said), True)


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
