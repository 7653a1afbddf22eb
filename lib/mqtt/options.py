"""Looks at a client's options when it is made, before its buffers are, and is forgotten again.

What is plainly good passes here. All else is for mqtt.checks to judge, which knows every rule and
the words for it, and takes far more RAM.
"""

import gc
import sys

_NONE = ("-", "-", 0, False)


def check(client_id, queue, buffer, version, session):
    """TypeError or ValueError for bad options; see mqtt.checks.check()."""
    try:
        if not _plain(client_id, queue, buffer, version, session.get):
            from mqtt.checks import check as judge

            judge(client_id, queue, buffer, version, session)
    finally:
        _forget()


def checked_will(will, version):
    """Return the last will as a session holds it; TypeError or ValueError for a bad one."""
    try:
        if _plain("-", 1, 16, version, {"will": will}.get):
            return will
        from mqtt.checks import check_will

        return check_will(will, version)
    finally:
        _forget()


def _plain(client_id, queue, buffer, version, option):
    """True where nothing is unusual."""
    will = option("will") or _NONE
    if version not in (3, 4, 5) or not isinstance(will, tuple) or len(will) != 4:
        return False
    if will[2] not in (0, 1, 2):
        return False
    if option("user") is None and option("password") is not None:
        return False
    for text in (will[0], will[1], client_id, option("user") or "-", option("password") or "-"):
        # Not empty, not long, and ASCII: as many bytes as characters.
        if not isinstance(text, str) or not 0 < len(text.encode()) == len(text) < 256:
            return False
        if "\0" in text:
            return False
    if "+" in will[0] or "#" in will[0]:
        return False
    for value, least, most in (
        (option("keepalive", 0), 0, 65535), (option("window", 1), 1, 30),
        (buffer, 16, 65535), (1 if hasattr(queue, "put") else queue, 1, 65535),
    ):  # fmt: skip
        if not isinstance(value, int) or not least <= value <= most:
            return False
    return True


def _forget():
    for name in ("options", "checks", "payload"):
        if sys.modules.pop("mqtt." + name, None):
            delattr(sys.modules["mqtt"], name)
    gc.collect()
