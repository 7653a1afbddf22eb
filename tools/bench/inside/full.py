"""Which instances' dicts are exactly full once a client is at work.

    micropython -m full PROGRAM PORT MODULE...

A dict that has no free place is searched from end to end for what is not in it, so each call of a
method, which stands in the class, looks at all attributes first. Prints `full CLASS ENTRIES`.
PROGRAM is one of those that publish in a small heap; MODULE names where classes are looked for.
"""

import sys

# The sizes that MicroPython gives a dict, one after the other, as it grows.
SIZES = (2, 4, 6, 8, 10, 12, 17, 23, 29, 37, 47, 59, 73, 97, 127, 167)
made = []


def keep(kind):
    """Have a class remember its instances."""
    begin = kind.__init__

    def begin_and_keep(self, *some, **more):
        made.append(self)
        return begin(self, *some, **more)

    kind.__init__ = begin_and_keep


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
            keep(each)
sys.argv[:] = [program, port, "bench"]
__import__(program)
found = {(type(each).__name__, len(each.__dict__)) for each in made}
for name, size in sorted(found):
    if size in SIZES:
        print("full", name, size)
