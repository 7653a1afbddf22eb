"""Which instances' dicts are exactly full, and which grow late, once a client has done its work.

    micropython -m full PROGRAM PORT MODULE...

A dict that has no free place is searched from end to end for what is not in it, so each call of a
method, which stands in the class, looks at all attributes first. One that gets attributes after
`__init__` may need a larger piece of the heap when it is in use already. Prints `full CLASS
ENTRIES` and `late CLASS ENTRIES ENTRIES`, after `__init__` and at the end. PROGRAM is one that has
the mode `use`; MODULE names where classes are looked for.
"""

import sys

# The sizes that MicroPython gives a dict, one after the other, as it grows.
SIZES = (2, 4, 6, 8, 10, 12, 17, 23, 29, 37, 47, 59, 73, 97, 127, 167)
made = {}  # instance's id -> the instance, entries after its __init__


def remember(kind):
    """Have a class remember its instances."""
    begin = kind.__init__

    def begin_and_remember(self, *some, **more):
        begin(self, *some, **more)
        made[id(self)] = self, len(self.__dict__)  # that of a subclass comes later, and counts

    kind.__init__ = begin_and_remember


program, port, *modules = sys.argv[1:]
for name in modules:
    __import__(name)
for name in modules:
    for each in list(sys.modules[name].__dict__.values()):
        if (
            isinstance(each, type)
            and "__init__" in each.__dict__
            and each.__module__ == name
            and not issubclass(each, BaseException)
        ):
            remember(each)
sys.argv[:] = [program, "use", port, "1", "none"]
used = __import__(program)
run = used.use(int(port))
if run:
    used.asyncio.run(run)
found = {(type(each).__name__, early, len(each.__dict__)) for each, early in made.values()}
for name, early, size in sorted(found):
    if size in SIZES:
        print("full", name, size)
    if size > early:
        print("late", name, early, size)
