"""Tells what Homie wants to know after each connection: the $description, every value, ready.

Needed then, then forgotten. See node.homeassistant.step, which this is for Homie.
"""

from node.overlay import call


def step(node):
    """Do what is due at this second."""
    client = node.client
    if node.announce:
        if client.left or not call("homeassistant", "step", "written", node, client):
            node.announce += 1  # in the next second
    elif not node.every:
        node.states = 0
        node.every = True  # not only the states
        node.announce = 1
    elif node.states < len(node.sensors) or client.post(client.will[0], "ready", True) is None:
        node.announce = 1
