# The least of `network` that a node needs: a Wi-Fi that is always connected. See machine.py.
STA_IF = 0


def hostname(_):
    pass


class WLAN:
    def __init__(self, _):
        pass

    def isconnected(self):
        return True

    def status(self, _):
        return -50
