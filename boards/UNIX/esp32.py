# What the simulated board has of an ESP32's module: what wakes it, and pins that hold their level.
import machine
from bench import ask

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True

_init = machine.Pin.init


def wake_on_ext0(pin, level):
    ask("wake_on_pin", "-" if pin is None else pin.id, level + 0)


def wake_on_touch(wake):
    ask("wake_on_touch", wake + 0)


def gpio_deep_sleep_hold(enable):
    ask("hold_digital", enable + 0)


def _with_hold(self, *args, hold=None, **options):
    if args or options:
        _init(self, *args, **options)
    if hold is not None:
        ask("hold", self.id, hold + 0)


machine.Pin.init = _with_hold  # here, so that it takes RAM only where it is used
