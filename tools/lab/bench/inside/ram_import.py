"""Bytes of heap that the modules named on the command line take, imported in that order."""

import gc
import sys

names = sys.argv[1:]
gc.collect()
before = gc.mem_alloc()
for name in names:
    __import__(name)
gc.collect()
print(gc.mem_alloc() - before)
