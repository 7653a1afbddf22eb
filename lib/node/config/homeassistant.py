"""What a config may say about Home Assistant, for the node and for each sensor."""

_ICON = 'an icon of Home Assistant, such as "mdi:sprinkler"'


def rules():
    """Section -> key -> rule, as in node.config.schema; "shown" is that of a sensor."""
    return {
        "homeassistant": {
            "prefix": (None, "topic"),
            "area": (None, str, 1, 64),
        },
        "shown": {
            "name": (None, str, 1, 64),
            "icon": (None, "icon", 0, 0, _ICON),
            "class": (None, "name"),
            "as": (None, ("switch", "light", "fan", "valve", "number")),
        },
    }


def check(faults, path, section, driver=None):
    """Add what is wrong with a section. driver: that of the sensor, None for the node's own."""
    from node.config.schema import _section

    before = len(faults)
    _section(faults, path, section, rules()["shown" if driver else "homeassistant"])
    if "as" not in section or len(faults) > before:
        return
    from node.homeassistant.outputs import AS

    known = AS.get(driver, ())
    if section["as"] not in known:
        faults.append(
            '%sas: a %s can\'t be a %s. %s' % (
                path, driver, section["as"],
                "Use %s." % " or ".join(known) if len(known) > 1 else "Remove it.",
            )
        )  # fmt: skip
