"""Checks what a config must not say if MQTT goes over a serial line."""


def check(faults, config, mqtt):
    """Add what is wrong to `faults`; mqtt: that section of the config."""
    for key in ("host", "port", "ca", "cert", "key", "verify"):
        if key in mqtt:
            faults.append(
                "mqtt.%s: not used with mqtt.serial, where the bridge has it. Remove it." % key
            )
    if "wifi" in config:
        faults.append("wifi: not used with mqtt.serial. Remove one of the two.")
    if mqtt["serial"] == "usb" and "baud" in mqtt:
        faults.append("mqtt.baud: it belongs to a UART, and mqtt.serial is usb. Remove it.")
