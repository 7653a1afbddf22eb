"""Checks whether a text is JSON, and where it isn't. Part of the config check.

MicroPython's json.loads accepts much that isn't JSON: a comma missing or too many, the same key
twice. A file with such a slip may not say what its author meant, so it is refused. Nothing here is
recursive, so no text can exhaust the stack.
"""

import json
import re

from micropython import const

_DEEPEST = const(16)
_WORDS = {b"true": 1, b"false": 1, b"null": 1}

# What may come next.
_VALUE = const(0)
_FIRST = const(1)  # a value, or the end of an empty list
_KEY = const(2)
_FIRST_KEY = const(3)  # a key, or the end of an empty object
_MORE = const(4)  # a comma, or the end


def fault(data):
    """Return what is wrong with a text (bytes), and where; None if it is JSON."""
    if b"\0" in data:
        return "damaged, or saved as UTF-16. Save it as UTF-8."
    number = 0
    try:
        for line in data.split(b"\n"):
            number += 1
            str(line, "utf8")
    except ValueError:  # UnicodeError
        return "line %d: not UTF-8. Save the file as UTF-8." % number
    line = None
    try:
        _scan(data)
    except ValueError as error:
        what, at = error.args
        start = data.rfind(b"\n", 0, at) + 1
        column = len(str(data[start:at], "utf8")) + 1
        return "line %d, column %d: %s." % (data.count(b"\n", 0, at) + 1, column, what)
    return None


def _scan(data):
    """Raise ValueError(what, at) for the first thing that is wrong."""
    at = _blank(data, 0)
    opened = []  # a list of keys for each open object, None for each open list
    want = _VALUE
    while want != _MORE or opened:
        byte = data[at : at + 1]
        if not byte:
            close = "".join(["]" if each is None else "}" for each in reversed(opened)])
            raise ValueError('the file ends too early; "%s" is missing' % close, at)
        close = "" if not opened else "]" if opened[-1] is None else "}"
        if byte == close.encode() and want in (_FIRST, _FIRST_KEY, _MORE):
            opened.pop()
            want = _MORE
            at += 1
        elif want == _MORE:
            if byte != b",":
                _told(data, at)
                raise ValueError('a "," or "%s" is missing here' % close, at)
            want = _VALUE if opened[-1] is None else _KEY
            at += 1
        elif byte == close.encode() and data[:at].rstrip()[-1] == 0x2C:
            raise ValueError('remove the "," before this "%s"' % close, at)
        elif want in (_KEY, _FIRST_KEY):
            at = _key(data, at, opened[-1])
            want = _VALUE
        elif byte in (b"{", b"["):
            if len(opened) == _DEEPEST:
                raise ValueError("nested more than %d deep" % _DEEPEST, at)
            opened.append([] if byte == b"{" else None)
            want = _FIRST_KEY if byte == b"{" else _FIRST
            at += 1
        else:
            at = _string(data, at) if byte == b'"' else _word(data, at)
            want = _MORE
        at = _blank(data, at)
    if at < len(data):
        raise ValueError("the JSON has ended before this; remove the rest", at)


def _blank(data, at):
    """Return the first place from `at` on that isn't white space."""
    while data[at : at + 1] in (b" ", b"\n", b"\r", b"\t"):
        at += 1
    return at


def _key(data, at, keys):
    """Skip a key and its colon."""
    if data[at] != 0x22:
        _told(data, at)
        raise ValueError("a key in double quotes is missing here", at)
    end = _string(data, at)
    key = json.loads(data[at:end])
    if key in keys:
        raise ValueError('"%s" is here twice; remove one' % key, at)
    keys.append(key)
    at = _blank(data, end)
    if data[at : at + 1] != b":":
        raise ValueError('a ":" is missing here', at)
    return at + 1


def _string(data, at):
    """Skip a string; `at` is its opening quote."""
    start = at
    at += 1
    size = len(data)
    while at < size:
        byte = data[at]
        if byte == 0x22:
            return at + 1
        if byte < 32:
            break
        if byte == 0x5C:
            at += 1
            if data[at : at + 1] == b"u":
                _escape(data[at + 1 : at + 5], at - 1)
                at += 4
            elif data[at : at + 1] not in b'"\\/bfnrt':
                raise ValueError('JSON has no such escape; for a backslash write "\\\\"', at - 1)
        at += 1
    raise ValueError("the closing quote is missing in this line", start)


def _escape(digits, at):
    code = 0
    if len(digits) == 4 and all(digit in b"0123456789abcdefABCDEF" for digit in digits):
        code = int(digits, 16)
    if code == 0 or 0xD800 <= code < 0xE000:
        raise ValueError('write the character itself, not this "\\u"', at)


def _word(data, at):
    """Skip a number, true, false or null."""
    end = at
    while end < len(data) and data[end] > 32 and data[end] not in b',:"[]{}':
        end += 1
    word = data[at:end]
    if word in _WORDS or re.match(
        "-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?$", word.decode()
    ):
        return end
    _told(data, at)
    # This may be a secret, so it isn't shown.
    what = "a value is missing here; put text in double quotes"
    if word.lower() in _WORDS:
        what = "write true, false and null in small letters"
    elif word.lower().lstrip(b"+-") in (b"nan", b"infinity", b"inf"):
        what = "JSON has no %s; use a number" % word.decode()
    elif word[:1] in (b"+", b".", b"0"):
        what = "a number can't start like this"
    raise ValueError(what, at)


def _told(data, at):
    """Raise for what other languages have and JSON doesn't."""
    if data[at : at + 1] == b"'":
        raise ValueError("put text in double quotes", at)
    if data[at : at + 1] == b"#" or data[at : at + 2] in (b"//", b"/*"):
        raise ValueError("JSON has no comments; remove this one", at)
