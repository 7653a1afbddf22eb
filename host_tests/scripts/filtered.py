# Runs inside MicroPython: what filters make of readings, for many cases in one process.
# For each line, [filters, [[ms, value], ...]] in JSON, it answers with a line: a list of values.
import json
import sys
from time import ticks_add

from sensors.filters import chain, steps


class Part:
    FIELDS = (("value", "C", 3),)

    def start(self):
        return 0

    def read(self):
        return (self.value,)


clock = [0]
steps.ticks_ms = lambda: clock[0] & ticks_add(0, -1)  # where the ticks of this port wrap
while True:
    line = sys.stdin.readline()
    if not line:
        break
    filters, readings = json.loads(line)
    part = Part()
    filtered = chain.make(part, {"filters": filters})
    found = []
    for clock[0], part.value in readings:
        found += filtered.read()
    print(json.dumps(found))
