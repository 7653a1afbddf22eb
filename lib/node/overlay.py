"""Code that is needed only now and then: import it, call it, free its RAM.

A node on an ESP8266 has 38 KiB for everything. Code that runs only at the start, or every few
minutes, doesn't stay in it. That code is in the folders below this one.
"""

import gc
import sys


def call(folder, module, function, *args):
    """Call a function of node.<folder>.<module>, forget the module, and return the result."""
    package = "node." + folder
    within = package in sys.modules  # something in that folder is running already
    gc.collect()
    try:
        loaded = __import__(package + "." + module, None, None, (function,))
        return getattr(loaded, function)(*args)
    finally:
        loaded = None
        forget(module, package=package)
        if not within:
            forget(folder)


def forget(*modules, package="node"):
    """Forget modules of a package, to free their RAM."""
    forgotten = False
    for module in modules:
        if sys.modules.pop(package + "." + module, None):
            delattr(sys.modules[package], module)
            forgotten = True
    if forgotten:
        gc.collect()
