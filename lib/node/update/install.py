"""The command `update`: what was offered is to be installed. See node.commands.orders."""

import sys


def obey(node, payload):
    """Payload: "install". Fetches an offer that waits for it, or one that was taken back."""
    asked = str(payload, "utf-8")
    if asked != "install":
        raise ValueError("update: use install, not %r" % asked[:32])
    stage = sys.modules.get("stage")
    if not stage:
        raise ValueError("this node has no keys, so it takes no updates; see docs/keys.md")
    if not getattr(stage, "waits", False):
        said = "one is on its way" if "node.update.turns" in sys.modules else "there is none"
        raise ValueError("no update waits to be installed: " + said)
    from node.update.check import remove, steps
    from node.update.turns import of

    remove("update/failed")
    updates = of(node)
    updates.start(steps(updates, True))
    return {}
