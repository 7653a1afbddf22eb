"""MicroPython's `onewire`, over the kernel's w1 driver. In config.txt: dtoverlay=w1-gpio,gpiopin=4

The kernel has the wire; it measures when a probe is read. So `convert` begins that in a thread.
"""

import threading

from boards.RPI import sysfs

_CONVERT = 0x44


class OneWireError(Exception):
    pass


class OneWire:
    """The probes on the kernel's 1-Wire buses, whichever pin they have."""

    def __init__(self, pin):
        self.pin = pin
        self._rom = None
        self._reading = {}  # rom: (thread, what it has read)
        folder = sysfs.root / "sys/bus/w1/devices"
        if not folder.exists():
            raise OSError(
                "1-Wire is off: add dtoverlay=w1-gpio,gpiopin=%d to /boot/firmware/config.txt"
                % pin.id
            )
        self._folder = folder

    def scan(self):
        found = []
        for path in sorted(self._folder.glob("[0-9a-f][0-9a-f]-*")):
            family, serial = path.name.split("-")
            raw = bytes.fromhex(family) + bytes.fromhex(serial)[::-1]
            found.append(bytearray(raw + bytes((self.crc8(raw),))))
        return found

    def reset(self, required=False):
        there = bool(self.scan())
        if required and not there:
            raise OneWireError
        return there

    def select_rom(self, rom):
        self._rom = bytes(rom)

    def write(self, data):
        pass  # the kernel sets a probe up by itself

    def writebyte(self, value):
        if value == _CONVERT:
            self._begin(self._rom)

    def _begin(self, rom):
        said = []
        thread = threading.Thread(target=self._read, args=(rom, said), daemon=True)
        self._reading[rom] = thread, said
        thread.start()

    def _read(self, rom, said):
        name = "%02x-%s" % (rom[0], rom[1:7][::-1].hex())
        try:
            said.append((self._folder / name / "w1_slave").read_text())
        except OSError:
            pass  # it has gone

    def measured(self, rom):
        """Return the nine bytes that a probe has answered. Raises OneWireError if it has not."""
        rom = bytes(rom)
        if rom not in self._reading:
            self._begin(rom)
        thread, said = self._reading.pop(rom)
        thread.join()
        words = said[0].split() if said else []
        if len(words) < 9:
            raise OneWireError
        if "NO" in words:
            raise Exception("CRC error")  # as MicroPython's ds18x20 does
        return bytes(int(word, 16) for word in words[:9])

    def crc8(self, data):
        crc = 0
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
        return crc
