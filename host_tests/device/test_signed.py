# Signed commands: only with the secret, and each only once.
# port
import os

import vfs
from disk import fresh

from node.signed import opened, sign


class Node:
    prefix = "petrel/n/"
    secret = "sixteen letters!"


def signed(number, body, name="reboot", secret=Node.secret):
    tail = b"%d %s" % (number, body)
    return (sign(secret, b"petrel/n/cmd/" + name.encode() + b" " + tail) + " ").encode() + tail


def refused(payload, name="reboot"):
    try:
        opened(Node, name, payload)
    except ValueError as error:
        return str(error)
    raise AssertionError("obeyed: %r" % payload)


def test_rfc_4231_examples():
    data = b"what do ya want for nothing?"
    wanted = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign("Jefe", data) == wanted  # test case 2
    long = "\x0b" * 20
    wanted = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert sign(long, b"Hi There") == wanted  # test case 1


def test_a_signed_command_is_opened_once():
    with fresh(vfs.VfsLfs2, 32):
        body = b'{"sensor": "light", "seconds": 5}'
        assert opened(Node, "interval", signed(5, body, "interval")) == body
        assert opened(Node, "ping", signed(6, b"", "ping")) == b""
        for number in (6, 5, 0, -1):
            assert "not larger" in refused(signed(number, b""))
        assert opened(Node, "reboot", signed(7, b"")) == b""
        os.rename("counter.txt", "counter.txt.new")  # as a power cut on FAT leaves it
        assert "not larger" in refused(signed(7, b""))


def test_what_is_not_signed_so_is_refused():
    with fresh(vfs.VfsLfs2, 32):
        good = signed(9, b"body")
        for bad in (
            b"", b"body", b"x" * 250, b"\xff\xfe" * 40, b"0 0 0", good[1:], b"0" + good[1:],
            good[:-1] + b"X", good[:65] + b"8" + good[66:], b" " * 100, good.upper(),
        ):  # fmt: skip
            assert refused(bad), bad
        assert "wrong" in refused(good, "interval")  # of another command
        assert "wrong" in refused(signed(9, b"body", secret="another secret!!"))
        assert opened(Node, "reboot", good) == b"body"
