"""Code that is needed now and then: imported, called, and its RAM given back.

A node on an ESP8266 has 38 KiB for all that it does. What runs at the start alone, or once in
minutes, is not held meanwhile.
"""

import gc
import sys


def call(module, function, *args):
    """Call function(*args) of node.<module>, and forget the module; returns what it returned."""
    gc.collect()
    try:
        loaded = __import__("node." + module, None, None, (function,))
        return getattr(loaded, function)(*args)
    finally:
        loaded = None
        forget(module)


def forget(*modules, package="node"):
    """Forget modules of a package, so that their RAM is free again."""
    forgotten = False
    for module in modules:
        if sys.modules.pop(package + "." + module, None):
            delattr(sys.modules[package], module)
            forgotten = True
    if forgotten:
        gc.collect()
