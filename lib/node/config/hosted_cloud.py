"""Checks a section `cloud` that names a service. Imported for a config that has one."""

from node.config.values import shown

_SERVICES = ("adafruit", "thingsboard", "ubidots")
_KEYS = ("service", "user", "token", "rate")
_OWN = ("user", "password", "serial", "version")


def check(faults, config):
    """Add to `faults` what is wrong."""
    cloud = config["cloud"]
    kind = cloud["service"]
    if kind not in _SERVICES:
        faults.append("cloud.service: %s is unknown. Use one of %s."
                      % (shown(kind), ", ".join(_SERVICES)))  # fmt: skip
        return
    for key in cloud:
        if key not in _KEYS:
            faults.append("cloud.%s: it is unknown. There are %s." % (key, ", ".join(_KEYS)))
    _text(faults, cloud, "token", "the key or token that the service shows")
    if kind == "adafruit":
        _text(faults, cloud, "user", "your name there")
    elif "user" in cloud:
        faults.append("cloud.user: %s knows the token alone. Remove it." % kind)
    rate = cloud.get("rate", 1)
    if not isinstance(rate, int) or isinstance(rate, bool) or not 1 <= rate <= 6000:
        faults.append("cloud.rate: %s is wrong. Use 1 to 6000, readings a minute." % shown(rate))
    mqtt = config.get("mqtt")
    for key in _OWN:
        if isinstance(mqtt, dict) and key in mqtt:
            faults.append("mqtt.%s: cloud says that. Remove it." % key)
    if config.get("homeassistant"):
        faults.append("homeassistant: %s knows none of its topics. Remove it." % kind)
    if config.get("format", "json") != "json":
        faults.append("format: %s has its own. Remove it." % kind)


def _text(faults, cloud, key, what):
    value = cloud.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= 128:
        faults.append("cloud.%s: it has to be text: %s." % (key, what))
    elif any(not "!" <= each <= "~" or each in "/+#" for each in value):
        faults.append("cloud.%s: it has signs that none has. Copy it again." % key)
