"""What may have been meant by a name that there is not. Part of the check of a config."""

import os
import sys

_MEANT = ' Did you mean "%s"?'
_TLS = ' For TLS use "ca": "ca.pem", or "verify": false.'
# What others call it; of those that are known here, the first counts.
_OTHER = {
    "broker": "host", "server": "host", "address": "host", "name": "ssid", "gpio": "pin",
    "type": "driver", "username": "user",
}  # fmt: skip


def key(word, names):
    """A hint for a key that is unknown."""
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
    """A hint for a driver that there is not: the files in the folder of the drivers have them."""
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
    """Those that are the word except for a slip of the hand or its end, the nearest first."""
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
    """How many letters were changed, left out or added; 9 for many."""
    if len(a) > 24:
        return 9
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row = row, [i + 1]
        for j, y in enumerate(b):
            row.append(min(row[j] + 1, last[j + 1] + 1, last[j] + (x != y)))
    return row[-1]
