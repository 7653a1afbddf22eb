"""Where the heap goes when modules are imported, told at the begin and the end of each.

    micropython -m anatomy FIRST,... MODULE,...

Prints `begin MODULE` and `end MODULE` with the bytes of heap in use, each followed by the state of
the pools of names; then the entries of each module's dict and of its classes'; then all names that
are not in the ROM. FIRST are modules that come with MicroPython; what they import is theirs.
"""

import builtins
import gc
import sys

from micropython import qstr_info

_import = builtins.__import__
importing = []


def follow(name, *more):
    if len(more) == 4 and more[3]:  # `from .name`, which means something only where it stands
        name, more = "%s.%s" % (importing[-1].rsplit(".", 1)[0], name), more[:3] + (0,)  # noqa: RUF005
    if name in sys.modules or name not in known:
        return _import(name, *more)
    told("begin", name)
    importing.append(name)
    module = _import(name, *more)
    importing.pop()
    told("end", name)
    return module


def told(what, name):
    gc.collect()
    print(what, name, gc.mem_alloc())
    qstr_info()


def entries(name):
    found = sys.modules[name].__dict__
    classes = [
        len(each.__dict__)
        for each in found.values()
        if isinstance(each, type) and getattr(each, "__module__", "") == name
    ]
    print("dicts", name, len(found), *classes)


firsts, modules = (each.split(",") for each in sys.argv[1:])
known = firsts + modules
for name in firsts:
    if name:
        follow(name)
builtins.__import__ = follow
for name in modules:
    follow(name)
builtins.__import__ = _import
for name in modules:
    entries(name)
qstr_info(1)
