"""The debounced input against a pin and a clock in the test's hand."""

from time import ticks_ms

from sensors import digital
from sensors.digital import Digital


class Pin:
    """An input whose level the test sets; edges call the handler as an interrupt does."""

    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, level=0):
        self.level = level

    def value(self):
        return self.level

    def irq(self, handler, trigger):
        assert trigger == self.IRQ_RISING | self.IRQ_FALLING
        self.handler = handler

    def to(self, level):
        self.level = level
        self.handler(self)


def listening(level=0, **options):
    pin = Pin(level)
    sensor = Digital(pin, **options)
    sensor.listen()
    return pin, sensor


def later(ms):
    """A time of ticks_ms that is surely so much after the edges made just now."""
    return ticks_ms() + ms


def test_first_reading_is_the_level():
    assert Digital(Pin(1)).read() == (1,)


def test_inverted_level():
    assert Digital(Pin(0), invert=True).read() == (1,)


def test_at_rest_nothing_wants_to_be_polled():
    _, sensor = listening()
    assert sensor.poll(later(0)) == -1
    assert not sensor.changed


def test_change_counts_after_the_bounce():
    pin, sensor = listening(debounce_ms=30)
    sensor.read()
    for level in (1, 0, 1, 0, 1):
        pin.to(level)
    assert 0 < sensor.poll(later(10)) <= 20
    assert not sensor.changed
    assert sensor.read() == (0,)  # while it bounces the old level stands
    assert sensor.poll(later(40)) == -1
    assert sensor.changed
    assert sensor.read() == (1,)
    assert not sensor.changed


def test_glitch_is_ignored():
    pin, sensor = listening(debounce_ms=30)
    sensor.read()
    pin.to(1)
    pin.to(0)
    assert sensor.poll(later(40)) == -1
    assert not sensor.changed


def test_press_after_press():
    pin, sensor = listening(debounce_ms=5)
    sensor.read()
    seen = []
    for level in (1, 0, 1):
        pin.to(level)
        sensor.poll(later(10))
        if sensor.changed:
            seen.append(sensor.read()[0])
    assert seen == [1, 0, 1]


def test_the_interrupt_allocates_nothing():
    import gc

    pin = Pin()
    sensor = Digital(pin)

    sensor.listen()
    pin.to(1)
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(10):
        pin.handler(pin)
    assert gc.mem_alloc() == before


def test_options_are_those_of_the_constructor():
    defaults = digital.options()
    del defaults["pull"]  # the node makes the pin
    sensor = Digital(Pin(), **{name: value[0] for name, value in defaults.items()})
    assert sensor.read() == (0,)
