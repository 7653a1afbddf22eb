"""Runs a command in a network of its own: python -m host_tests.faults.inside FD ADDRESS PEER ...

The network has loopback and one interface, whose other end, a TUN descriptor, goes to the parent
over the socket FD: what passes between two such networks is the parent's to decide. Neither root
nor tools are needed, but a kernel that lets users have namespaces, and /dev/net/tun.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

_NEWUSER, _NEWNET = 0x10000000, 0x40000000
_TUNSETIFF, _TUN_NO_INFO = 0x400454CA, 0x1001
_SETADDR, _SETDSTADDR, _SETFLAGS, _GETFLAGS, _SETMTU = 0x8916, 0x8918, 0x8914, 0x8913, 0x8922
_UP = 1


def _unshare() -> None:
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEWUSER | _NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, f"no network namespace: {os.strerror(code)}")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _address(name: str, address: str) -> bytes:
    return struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0, socket.inet_aton(address))


def _set_up(control: socket.socket, name: str) -> None:
    (flags,) = struct.unpack_from(
        "16xH", fcntl.ioctl(control, _GETFLAGS, struct.pack("16s16x", name.encode()))
    )
    fcntl.ioctl(control, _SETFLAGS, struct.pack("16sH14x", name.encode(), flags | _UP))


def main(fd: int, address: str, peer: str, command: list[str]) -> None:
    """Make the network, hand over its other end, and become the command."""
    _unshare()
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", b"link", _TUN_NO_INFO))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SETADDR, _address("link", address))
        fcntl.ioctl(control, _SETDSTADDR, _address("link", peer))
        _set_up(control, "link")
        _set_up(control, "lo")
    with socket.socket(fileno=fd) as parent:
        rights = array.array("i", [tun])
        parent.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights.tobytes())])
    os.close(tun)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
