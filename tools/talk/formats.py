"""What readings say that are not JSON: MessagePack and CBOR, as a node's "format" has them.

They are told apart by their first byte. An object of few entries begins with one that no text
begins with, neither JSON nor UTF-8.
"""

from __future__ import annotations

import io
import json
from typing import Any

import cbor2
import msgpack

_MSGPACK = range(0x80, 0x90)
_CBOR = range(0xA0, 0xB8)
_MOST = 65_536  # bytes that are looked at


def is_binary(payload: bytes) -> bool:
    """Whether it begins as such an object does."""
    return bool(payload) and 0x80 <= payload[0] < 0xB8


def read(payload: bytes) -> dict[str, Any]:
    """The object; raises ValueError, in words, if it is none."""
    if len(payload) > _MOST:
        raise ValueError(f"{len(payload)} bytes; {_MOST} at most are looked at")
    if payload[:1] and payload[0] in _MSGPACK:
        try:
            found = msgpack.unpackb(payload, strict_map_key=True)
        except Exception as error:  # whatever it is: anybody may have sent it
            raise ValueError("damaged MessagePack") from error
    elif payload[:1] and payload[0] in _CBOR:
        stream = io.BytesIO(payload)
        try:
            found = cbor2.load(stream)
            if stream.read(1):
                raise ValueError("more than one object")
        except Exception as error:
            raise ValueError("damaged CBOR") from error
    else:
        raise ValueError("neither MessagePack nor CBOR")
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ValueError("not an object")
    return found


def shown(payload: bytes | bytearray) -> str:
    """A payload as text: an object in binary as JSON, and bytes that are not text replaced."""
    if is_binary(payload := bytes(payload)):
        try:
            return json.dumps(read(payload), ensure_ascii=False, default=str)
        except (TypeError, ValueError, RecursionError):  # keys of any kind
            pass
    return payload.decode(errors="replace")
