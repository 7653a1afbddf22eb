"""What a config may say about Home Assistant, for the node and for each sensor."""

_ICON = 'an icon of Home Assistant, such as "mdi:sprinkler"'


def rules():
    """Section -> key -> rule, as in node.config.schema; "shown" is that of a sensor."""
    return {
        "homeassistant": {
            "prefix": (None, "topic"),
            "area": (None, str, 1, 64),
            "convention": (None, ("homeassistant", "homie")),
        },
        "shown": {
            "name": (None, str, 1, 64),
            "icon": (None, "icon", 0, 0, _ICON),
            "class": (None, "name"),
            "as": (None, ("switch", "light", "fan", "valve", "number")),
        },
    }


def check(faults, path, section, driver, sensors):
    """Add what is wrong with a section.

    driver: that of the sensor, None for the node's own; then sensors is what the config has
    """
    from node.config.schema import _section

    before = len(faults)
    _section(faults, path, section, rules()["shown" if driver else "homeassistant"])
    if section.get("convention") == "homie":
        _homie(faults, path, section, sensors)
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


def _homie(faults, path, section, sensors):
    """Homie knows neither areas nor capital letters, and its prefix is a single level."""
    if "area" in section:
        faults.append(path + "area: Homie has none. Remove it.")
    prefix = section.get("prefix", "")
    if isinstance(prefix, str) and "/" in prefix:
        faults.append('%sprefix: "%s" is wrong. Homie takes one without a /.' % (path, prefix))
    names = {}
    for sensor in sensors if isinstance(sensors, (list, tuple)) else ():
        name = sensor.get("name") if isinstance(sensor, dict) else None
        if isinstance(name, str) and sensor.get("homeassistant") is not False:
            own = name.lower().replace("_", "-")
            if names.get(own, name) != name:
                faults.append(
                    '%sconvention: to Homie "%s" and "%s" are the same name. Rename one.'
                    % (path, names[own], name)
                )
            names[own] = name
