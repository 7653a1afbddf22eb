"""Two networks and a wire between them, in user space: it delays, loses, or goes dead."""

from __future__ import annotations

import array
import heapq
import os
import random
import select
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from tools.shared.paths import ROOT
from tools.shared.process import popen


class Network:
    """A network of its own, in which one command runs."""

    def __init__(self, address: str, peer: str) -> None:
        self.address = address
        self.peer = peer
        self.tun = -1

    def popen(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        """Start the command there; OSError with the reason if the kernel does not let us."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            fd = theirs.fileno()
            inside = [sys.executable, "-m", "host_tests.faults.inside", str(fd)]
            environment = {**(options.pop("env", None) or os.environ), "PYTHONPATH": str(ROOT)}
            process = popen(
                [*inside, self.address, self.peer, *command],
                env=environment,
                pass_fds=(fd,),
                **options,
            )
            theirs.close()
            data, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
        if not data:
            _, said = process.communicate(timeout=10)
            raise OSError((said or "it said nothing").strip().splitlines()[-1])
        rights = array.array("i")
        rights.frombytes(ancillary[0][2][:4])
        self.tun = rights[0]
        return process


class Wire:
    """Carries packets between two networks; a context manager.

    dead: nothing passes, and nobody is told; delay_s, loss (0 to 1): of each packet, each way
    """

    def __init__(self, a: Network, b: Network, seed: int = 1) -> None:
        self.dead = False
        self.delay_s = 0.0
        self.loss = 0.0
        self.carried = self.lost = 0
        self._ends = (a.tun, b.tun)
        self._random = random.Random(seed)
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *error: object) -> None:
        os.write(self._stop, b".")
        self._thread.join(5)
        for descriptor in (*self._ends, self._wake, self._stop):
            os.close(descriptor)

    def _carry(self) -> None:
        a, b = self._ends
        held: list[tuple[float, int, int, bytes]] = []
        while True:
            wait = max(0.0, held[0][0] - time.monotonic()) if held else None
            ready, _, _ = select.select([a, b, self._wake], [], [], wait)
            if self._wake in ready:
                return
            for end in ready:
                packet = os.read(end, 65536)
                if self.dead or self._random.random() < self.loss:
                    self.lost += 1
                    continue
                self.carried += 1
                other = b if end == a else a
                heapq.heappush(
                    held, (time.monotonic() + self.delay_s, self.carried, other, packet)
                )
            while held and held[0][0] <= time.monotonic():
                _, _, sink, packet = heapq.heappop(held)
                try:
                    os.write(sink, packet)
                except OSError:
                    pass  # that network is gone
