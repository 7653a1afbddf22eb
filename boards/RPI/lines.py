"""The GPIO lines of the kernel, through gpiod 2."""

import threading

from boards.RPI import sysfs

chip = None  # the path of /dev/gpiochip*; found when the first line is asked for
_requests = {}  # what we hold: line -> request


def _gpiod():
    try:
        import gpiod
    except ImportError:
        raise OSError("gpiod is not installed: pip install 'petrel[linux]'") from None
    return gpiod


def find():
    """Return the path of the chip that has the header's pins."""
    gpiod = _gpiod()
    paths = sorted(str(path) for path in (sysfs.root / "dev").glob("gpiochip*"))
    if not paths:
        raise OSError("this computer has no GPIO: there is no /dev/gpiochip*")
    for path in paths:
        try:
            with gpiod.Chip(path) as each:
                label = each.get_info().label
        except PermissionError:
            raise PermissionError(
                13, "no access to %s: add your user to the group gpio, then log in again" % path
            ) from None
        if label.startswith("pinctrl-"):  # bcm2835, bcm2711, rp1
            return path
    return paths[0]


def settings(mode, pull, value, edges=False):
    """Return gpiod's settings for a mode, a pull and a level of machine.Pin."""
    line = _gpiod().line
    made = {
        "direction": line.Direction.INPUT if mode == "in" else line.Direction.OUTPUT,
        "bias": {1: line.Bias.PULL_UP, 2: line.Bias.PULL_DOWN}.get(pull, line.Bias.AS_IS),
        "output_value": line.Value.ACTIVE if value else line.Value.INACTIVE,
    }
    if mode == "open drain":
        made["drive"] = line.Drive.OPEN_DRAIN
    if edges:
        made["edge_detection"] = line.Edge.BOTH
    return _gpiod().LineSettings(**made)


def hold(number, mode, pull, value, edges=False):
    """Set up a line, asking the kernel for it if it isn't ours yet; return the request."""
    global chip
    wanted = {number: settings(mode, pull, value, edges)}
    request = _requests.get(number)
    if request:
        request.reconfigure_lines(wanted)
        return request
    chip = chip or find()
    try:
        request = _gpiod().request_lines(chip, consumer="petrel", config=wanted)
    except OSError as error:
        if error.errno == 16:
            raise OSError(16, "GPIO%d is in use by another program or driver" % number) from None
        raise
    _requests[number] = request
    return request


def get(request, number):
    return int(request.get_value(number) == _gpiod().line.Value.ACTIVE)


def put(request, number, level):
    value = _gpiod().line.Value
    request.set_value(number, value.ACTIVE if level else value.INACTIVE)


def listen(request, told):
    """Call told(rising) for each edge, in a thread of its own."""

    def wait():
        rising = _gpiod().EdgeEvent.Type.RISING_EDGE
        while True:
            for event in request.read_edge_events():  # waits
                told(event.event_type == rising)

    threading.Thread(target=wait, daemon=True).start()


def pulse(request, level, timeout_us):
    """Return the us of the next pulse; -2 if it doesn't begin in time, -1 if it doesn't end."""
    rising = _gpiod().EdgeEvent.Type.RISING_EDGE
    began = None
    while request.wait_edge_events(timeout_us / 1_000_000):
        for event in request.read_edge_events():
            if (event.event_type == rising) == bool(level):
                began = event.timestamp_ns
            elif began is not None:
                return (event.timestamp_ns - began) // 1000
    return -2 if began is None else -1
