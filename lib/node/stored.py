"""Decides about an outbox on the flash. Needed once, and then forgotten.

Before the connection is made: what looks through the flash takes the most RAM of all at a start.
"""

import os

from node.overlay import call, forget


def outbox(node, config):
    """Put it in the place of config["queue"], where there is one, or readings "must_deliver"."""
    if "serial" not in config["mqtt"]:
        try:
            import network  # noqa: F401
        except ImportError:
            return  # readings are printed
    must = config["must"]
    if not must and "outbox" not in os.listdir():
        return
    # In safe mode there are no sensors, and what was stored for them stays where it is.
    must = must or node.safe
    try:
        made = call("kept", "outbox", node, config["queue"], config["outbox"], must)
        config["queue"] = made
    except MemoryError as error:
        forget("durable", "journal", package="mqtt")
        node.failed("outbox", error)
        fault = "outbox: not enough memory to look at the flash; readings are kept in RAM"
        node.about["faults"] = node.about.get("faults", []) + [fault]
