"""Which cloud the config names. Needed once, then forgotten."""

from node.overlay import call


def begin(config):
    """Prepare the section mqtt for it."""
    if "service" in config["cloud"]:
        call("network", "hosted_service", "begin", config)
    else:
        call("network", "azure_iot_hub", "begin", config)
