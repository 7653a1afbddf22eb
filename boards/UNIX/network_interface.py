# What the simulated board's interfaces have in common.
from bench import ask


class Interface:
    def __init__(self):
        self._active = False

    def active(self, on=None):
        if on is None:
            return self._active
        self._active = bool(on)
        if not on:
            self.disconnect()

    def disconnect(self):
        pass

    def ifconfig(self, values=None):
        if values is None:
            values = ask("setting", "address")
            if values and values != "dhcp":
                return tuple(values.split(","))
            return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")
        ask("setting", "address", values if values == "dhcp" else ",".join(values))

    def ipconfig(self, name):
        address, mask, gateway, _ = self.ifconfig()
        return {"addr4": (address, mask), "gw4": gateway}[name]
