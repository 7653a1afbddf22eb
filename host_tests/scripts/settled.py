# Runs the whole node as a board does, from a ROMFS or from files, until it has settled. Prints the
# bytes in use then. Arguments: IMAGE, or "-" for files, and how many bytes to lose, so that all
# else lies elsewhere.
import os
import sys

lost = bytearray(int(sys.argv[2]))
if sys.argv[1] == "-":
    sys.path[:] = ["rom", "lib", ".frozen"]
else:
    import ffi
    import uctypes
    import vfs

    size = os.stat(sys.argv[1])[6]
    libc = ffi.open(None)
    handle = libc.func("i", "open", "si")(sys.argv[1], 0)
    address = libc.func("p", "mmap", "pIiiii")(None, size, 1, 2, handle, 0)
    vfs.mount(vfs.VfsRom(memoryview(uctypes.bytearray_at(address & 0xFFFFFFFF, size))), "/rom")
    sys.path[:] = ["/rom", ".frozen"]
    del libc, handle, address, size, ffi, uctypes, vfs
del sys.argv[1:]
import gc  # noqa: E402

import node.main  # noqa: E402

SETTLED_S = 12  # of uptime: the first diagnostics have left, and what was loaded for the start
LOOKS = 6  # the least of so many seconds: a stale word is seldom there for long
state = [1 << 30]


def every_second(self):
    each_second(self)
    if self.uptime >= SETTLED_S:
        gc.collect()
        state[0] = min(state[0], gc.mem_alloc())
    if self.uptime == SETTLED_S + LOOKS:
        print("in use", state[0] - len(lost))
        self.ended = "settled"


if "update" in os.listdir():  # it takes updates
    import stage as main  # noqa: E402
else:
    main = node.main
main.boot()
from node.app import Node  # noqa: E402

each_second, Node._each_second = Node._each_second, every_second
main.run()
