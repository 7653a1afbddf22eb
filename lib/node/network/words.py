"""Says what a Wi-Fi status means, and what to do. Needed while the Wi-Fi is away."""

import network


def words(status, failed, ssid, wlan):
    """Return what keeps the node from the network `ssid`; failed: 0 if it is still trying."""
    name = 'Wi-Fi "%s" ' % ssid
    if status == _code("STAT_NO_AP_FOUND"):
        return name + "not found. Check the name and that it is a 2.4 GHz network."
    if status in (_code("STAT_WRONG_PASSWORD"), _code("STAT_HANDSHAKE_TIMEOUT"), 15):
        return name + "refused the password. Check wifi.password; capitals count."
    if status in (210, 211):
        return name + "wants a security that this board lacks. Set the router to WPA2."
    if status in (_code("STAT_BEACON_TIMEOUT"), 212):
        return name + "is too weak here. Move the board or the router."
    if failed:
        return name + (
            "does not let this board in (status %d). Check the signal, and the router's filters "
            "and limits." % status
        )
    if _joined(status, wlan):
        return name + "joined, but it gives no address. Check the router's DHCP, or restart it."
    return name + "does not answer yet (status %d). Check the signal." % status


def _joined(status, wlan):
    if _code("STAT_NO_AP_FOUND") < 0:  # Pico W, Pyboard D
        return status == 2
    try:
        return -128 < wlan.status("rssi") < 0  # without a network it fails, or returns 31
    except (OSError, ValueError, TypeError):
        return False


def _code(name):
    return getattr(network, name, 1 << 20)
