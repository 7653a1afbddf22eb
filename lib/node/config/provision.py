"""What a config may say about provisioning: the access point that the board opens, see docs."""


def rules():
    """Section -> key -> rule, as in node.config.schema."""
    return {
        "provision": {
            "password": (None, "wifi", 0, 0, "8 to 63 characters, or leave it out"),
            "pin": (None, "pin"),
            "window": (None, int, 120, 3600),
            "after": (None, int, 60, 604_800),
        }
    }


def check(faults, config, board, pins, warnings):
    """Add to `faults` what is wrong with that section of the config, and to `warnings`."""
    from node.config.schema import _section
    from node.overlay import call

    section = config["provision"]
    before = len(faults)
    if "wifi" not in config:
        faults.append("provision: it needs a board with Wi-Fi, and wifi. Remove it.")
    elif section:
        _section(faults, "provision.", section, rules()["provision"])
        if "pin" in section and board and len(faults) == before:
            pull = {"pull": "up", "pin": section["pin"]}
            about = ("provision", pull, "in", {}, {})
            call("config", "pins", "check", faults, about, board, pins, warnings)
