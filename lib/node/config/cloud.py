"""Checks the section `cloud` of a config. Imported for a config that has one."""

from node.config.connection_string import parts
from node.overlay import call

_OWN = ("host", "user", "password", "client_id", "serial", "websocket", "version")
_KEEPALIVE = 1177  # s, which the hub allows at most


def check(known, faults, config, board):
    """Add to `faults` what is wrong, and to the rules `known` what may be left out."""
    cloud = config["cloud"]
    if "aws" in cloud:
        _aws(faults, config)
        return
    known["mqtt"]["host"] = (None, "hosts")
    if "service" in cloud:
        call("config", "hosted_cloud", "check", faults, config)
        return
    for key in cloud:
        if key != "azure":
            faults.append('cloud.%s: it is unknown. There are "azure", "aws" and "service".' % key)
    text = cloud.get("azure")
    if not isinstance(text, str):
        faults.append('cloud.azure: use "HostName=...;DeviceId=...;SharedAccessKey=...".')
        return
    given = {}
    try:
        given = parts(text)
    except ValueError as error:
        faults.append("cloud.azure: %s." % error)
    mqtt = config.get("mqtt")
    if not isinstance(mqtt, dict):
        return
    for key in _OWN:
        if key in mqtt:
            faults.append("mqtt.%s: cloud.azure says that. Remove it." % key)
    if getattr(board, "TLS", "verified") != "verified" and mqtt.get("verify", True):
        faults.append(
            "cloud.azure: %s can't check the hub's certificate. Add \"verify\": false to mqtt if "
            "you accept that." % board.ID
        )
    elif "ca" not in mqtt and mqtt.get("verify", True):
        faults.append('mqtt.ca: missing. The hub needs TLS: "ca": "azure.pem", see docs/azure.md.')
    if given.get("x509") == "true" and "cert" not in mqtt:
        faults.append("mqtt.cert: missing. x509=true needs cert and key.")
    seconds = mqtt.get("keepalive", 60)
    if isinstance(seconds, int) and seconds > _KEEPALIVE:
        faults.append("mqtt.keepalive: %d s. The hub allows %d." % (seconds, _KEEPALIVE))
    if config.get("homeassistant"):
        faults.append("homeassistant: the hub knows no topics of Home Assistant. Remove it.")
    if config.get("format", "json") != "json":
        faults.append("format: the hub is told that it gets JSON. Remove it.")
    sensors = config.get("sensors")
    for i, sensor in enumerate(sensors if isinstance(sensors, list) else ()):
        if isinstance(sensor, dict) and sensor.get("delivery") == "latest":
            faults.append('sensors[%d].delivery: "latest" is not for a cloud. Use "queue".' % i)


def _aws(faults, config):
    for key in config["cloud"]:
        if key != "aws":
            faults.append("cloud.%s: it does not go with aws. Remove one of them." % key)
    if config["cloud"]["aws"] != "shadow":
        faults.append('cloud.aws: use "shadow", or leave out cloud.')
    mqtt = config.get("mqtt")
    for key in ("serial", "version", "client_id"):
        if isinstance(mqtt, dict) and key in mqtt:
            faults.append("mqtt.%s: it does not go with cloud.aws. Remove it." % key)
    if config.get("format", "json") != "json":
        faults.append("format: it does not go with cloud.aws. Remove one of them.")
