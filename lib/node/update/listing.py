"""The list of an update: a line for each file, with its SHA-256, size and path."""

from binascii import unhexlify

from micropython import const

_HASH = const(64)  # characters of a SHA-256 in hex
_PATH = const(64)
_SIZE = const(1_048_576)
_LINE = const(144)


def entries(file, count, size):
    """Yield (SHA-256 in hex, bytes, path) of each line; ValueError says which is wrong.

    count, size: what the manifest says of all of them
    """
    before = ""
    number = total = 0
    while True:
        line = file.readline(_LINE)
        if not line:
            break
        number += 1
        words = line.split(" ") if line[-1] == "\n" else []
        if len(words) != 3 or not is_hash(words[0]) or not words[1].isdigit():
            raise ValueError("list: line %d is damaged" % number)
        path = words[2][:-1]
        if not allowed(path):
            raise ValueError("list: line %d: %r is no path in a slot" % (number, path[:_PATH]))
        if path <= before:
            raise ValueError("list: %s is there twice, or not in its order" % path)
        before = path
        taken = int(words[1])
        if len(words[1]) > 7 or taken > _SIZE:
            raise ValueError("list: %s has too many bytes" % path)
        total += taken
        yield words[0], taken, path
    if number != count or total != size:
        said = "list: %d files of %d bytes; the manifest says %d of %d"
        raise ValueError(said % (number, total, count, size))


def allowed(path):
    """Return whether a path is in the slot, and its name is harmless."""
    if not 0 < len(path) <= _PATH or path in ("boot.py", "config.json"):
        return False
    path = "/" + path
    if "//" in path or "/." in path or path[-1] == "/":
        return False
    for byte in path.encode():  # a character of a text would be a name that stays in RAM
        if not (45 <= byte <= 57 or 65 <= byte <= 90 or byte == 95 or 97 <= byte <= 122):
            return False
    return True


def is_hash(text):
    """Return whether it is a SHA-256 in hex."""
    try:
        return len(text) == _HASH and unhexlify(text).hex() == text
    except (TypeError, ValueError):
        return False
