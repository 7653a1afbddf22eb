"""Puts a part of a config into a whole one, and keeps the secrets of the one before.

A part is a JSON merge patch (RFC 7396): what it names is replaced, and null removes. In a list,
such as the sensors, an object names entries by their "name" or their place: {"light": {...},
"0": null}.
"""

from node.config.used import SECRETS


def patch(target, part):
    """Return the target with the part put into it; the target itself may change.

    Raises ValueError for an entry that a list doesn't have.
    """
    if not isinstance(part, dict):
        return part
    if isinstance(target, list):
        return _entries(target, part)
    if not isinstance(target, dict):
        target = {}
    for key in part:
        if part[key] is None:
            target.pop(key, None)
        else:
            old = target.get(key, [] if key == "sensors" else None)
            target[key] = patch(old, part[key])
    return target


def _entries(entries, part):
    count = len(entries)  # places are those from before
    gone = []
    for key in sorted(part):
        place = None
        for i in range(count):
            if isinstance(entries[i], dict) and entries[i].get("name") == key:
                place = i
        numbered = place is None and key.isdigit()
        if numbered:
            place = int(key)
        new = place is None or place >= count
        if part[key] is None:
            if not new:
                gone.append(place)
        elif not new:
            entries[place] = patch(entries[place], part[key])
        elif numbered and place > count or not numbered and not isinstance(part[key], dict):
            raise ValueError('there is no "%s" in a list of %d' % (key[:32], count))
        else:
            entry = patch(None, part[key])
            if not numbered:
                entry.setdefault("name", key)
            entries.append(entry)
    return [entries[i] for i in range(len(entries)) if i not in gone]


def keep(config, before):
    """Put the secrets of the config before into a new one that has none, or null, in their place.

    A password stays only with the network, the user or the service that it belongs to.
    """
    for key in before:
        old = before[key]
        if isinstance(old, list) or isinstance(config.get(key), list):
            if key == "wifi":
                _networks(config.get(key), old)
        elif isinstance(old, dict):
            new = config.get(key)
            if new is None and "secret" in old:
                new = config[key] = {}
            if isinstance(new, dict):
                keep(new, old)
        elif (
            key in SECRETS
            and config.get(key) is None
            and all(config.get(its) == before.get(its) for its in ("ssid", "user", _service()))
        ):
            config[key] = old
    for key in SECRETS:
        if key in config and config[key] is None:
            del config[key]
    return config


def _service():
    return b"service".decode()  # as a text it would stay in RAM, as a name


def _networks(new, before):
    """The same for Wi-Fi, of which one or both have a list of networks."""
    for network in new if isinstance(new, list) else (new,):
        if isinstance(network, dict):
            its = {}
            for old in before if isinstance(before, list) else (before,):
                if isinstance(old, dict) and old.get("ssid") == network.get("ssid"):
                    its = old
            keep(network, its)
