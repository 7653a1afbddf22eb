"""Guesses what an unknown name was meant to be. Part of the config check."""

import os
import sys

_MEANT = ' Did you mean "%s"?'
_TLS = ' For TLS use "ca": "ca.pem", or "verify": false.'
# What others call it; the first of these that is known here counts.
_OTHER = {
    "broker": "host", "server": "host", "address": "host", "name": "ssid", "gpio": "pin",
    "type": "driver", "username": "user",
}  # fmt: skip


def key(word, names):
    """Return a hint for an unknown key."""
    close = _closest(word, names)
    other = _OTHER.get(word.lower())
    if other in names:
        return _MEANT % other
    if close:
        return _MEANT % close[0]
    if word.lower() in ("tls", "ssl", "cafile") and "verify" in names:
        return _TLS
    return " There are %s." % ", ".join(sorted(names))


def driver(word):
    """Return a hint for an unknown driver, from the files in the drivers' folder."""
    for folder in sys.path:
        try:
            files = os.listdir(folder + "/sensors")
        except OSError:  # frozen modules can't be listed
            continue
        names = [file.split(".")[0] for file in files if "." in file and file[0] not in "._"]
        close = _closest(word, names)
        if close:
            return _MEANT % close[0]
    return " docs/sensors lists them all."


def _closest(word, names):
    """Return the names that differ from the word by a typo or its end, nearest first."""
    found = []
    word = word.lower()
    for name in names:
        far = _far(word, name)
        if min(len(word), len(name)) > 2 and (word.startswith(name) or name.startswith(word)):
            found.append((min(far, 2), name))  # "username", "pass"
        elif far <= (2 if len(name) > 3 else 1):
            found.append((far, name))
    return [name for _, name in sorted(found)]


def _far(a, b):
    """Return how many letters were changed, left out or added; 9 for many."""
    if len(a) > 24:
        return 9
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row = row, [i + 1]
        for j, y in enumerate(b):
            row.append(min(row[j] + 1, last[j + 1] + 1, last[j] + (x != y)))
    return row[-1]
