"""Takes a connection string of Azure IoT Hub apart: HostName=...;DeviceId=...; and a key.

For the provisioning service (DPS) it is IdScope=...;RegistrationId=...; and a key. HostName is
that of the service, then, and can be left out.
"""

import binascii

_KEYS = (
    "HostName", "DeviceId", "SharedAccessKey", "x509", "GatewayHostName", "IdScope",
    "RegistrationId",
)  # fmt: skip
_SERVICE = "global.azure-devices-provisioning.net"


def parts(text):
    """Return its parts. Raises ValueError in words that say what is wrong."""
    found = {}
    for part in text.split(";"):
        name, equal, value = part.strip().partition("=")
        if not (name or equal):
            continue
        if not equal or name not in _KEYS:
            more = ""
            if name == "SharedAccessKeyName":
                more = " That is the hub's own string; copy the device's."
            raise ValueError('"%s" is none of its parts.%s' % (name[:24], more))
        found[name] = value
    device = "DeviceId"
    if "IdScope" in found:
        device = "RegistrationId"
        if "DeviceId" in found:
            raise ValueError("DeviceId: the service tells it; remove it or IdScope")
        found.setdefault("HostName", _SERVICE)
    for name in ("HostName", device):
        if not found.get(name):
            raise ValueError("%s is missing" % name)
    if len(found[device]) > 128:
        raise ValueError("%s: %d characters; 128 at most" % (device, len(found[device])))
    key = found.get("SharedAccessKey")
    if not key and found.get("x509") != "true":
        raise ValueError("SharedAccessKey is missing; with a certificate it is x509=true")
    if key:
        try:
            raw = binascii.a2b_base64(key)
        except ValueError:
            raw = b""
        if not 16 <= len(raw) <= 64:
            raise ValueError("SharedAccessKey: it is not whole; copy it again")
    return found
