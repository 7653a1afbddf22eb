"""The command `update`: what was offered is to be installed. See node.commands.orders."""

import sys


def obey(payload):
    """Payload: "install". Fetches an offer that waits for it, or one that was taken back."""
    asked = str(payload, "utf-8")
    if asked != "install":
        raise ValueError("update: use install, not %r" % asked[:32])
    turns = sys.modules.get("node.update.turns")
    if not turns:
        raise ValueError("this node has no keys, so it takes no updates; see docs/keys.md")
    updates = turns.updates
    if not updates.waits:
        said = "one is on its way" if updates.steps else "there is none"
        raise ValueError("no update waits to be installed: " + said)
    from node.update.check import remove, steps

    remove("update/failed")
    updates.start(steps(updates, True))
    return {}
