"""Code that is needed now and then: imported, called, and its RAM given back.

A node on an ESP8266 has 38 KiB for all that it does. What runs at the start alone, or once in
minutes, is not held meanwhile. It lives in the folders below this one.
"""

import gc
import sys


def call(folder, module, function, *args):
    """Call a function of node.<folder>.<module>, and forget the module; returns what it did."""
    package = "node." + folder
    within = package in sys.modules  # something of that folder is at work already
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
    """Forget modules of a package, so that their RAM is free again."""
    forgotten = False
    for module in modules:
        if sys.modules.pop(package + "." + module, None):
            delattr(sys.modules[package], module)
            forgotten = True
    if forgotten:
        gc.collect()
