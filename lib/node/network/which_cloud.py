"""Gives the section mqtt what the config's cloud wants, before the client is made.

Needed once, then forgotten. What the client does otherwise is in a module that stays: under a name
of its own, as node.overlay forgets the others.
"""

import sys

from micropython import const

from node.overlay import call, forget

_KEPT = const("the cloud of the node")
_HOSTS = const("adafruit io.adafruit.com thingsboard mqtt.thingsboard.cloud ubidots "
               "industrial.api.ubidots.com")  # fmt: skip


def begin(config):
    """Prepare the section mqtt, and load the module that stays."""
    cloud = config["cloud"]
    mqtt = config["mqtt"]
    # Has node.network.version_five look for that module and call its join(), if it is MQTT 3.1.1
    # all the same.
    mqtt["version"] = 5
    if "service" in cloud:
        _service(cloud, mqtt)
    elif "aws" in cloud:
        if _KEPT not in sys.modules:
            from node.network import amazon_shadow  # noqa: F401

            _keep("amazon_shadow")
    else:
        _azure(call("config", "connection_string", "parts", cloud["azure"]), mqtt)


def _azure(given, mqtt):
    if "IdScope" in given:
        its = call("network", "provisioning_service", "assigned", given)
        if not its:
            _provisioning(given, mqtt)
            return
        given = its
    mqtt["host"] = given["HostName"]
    mqtt["client_id"] = given["DeviceId"]
    mqtt["user"] = "%s/%s/?api-version=2021-04-12" % (given["HostName"], given["DeviceId"])
    if _KEPT not in sys.modules:
        from node.network import azure_iot_hub

        azure_iot_hub.hub = given
        _keep("azure_iot_hub")


def _provisioning(given, mqtt):
    mqtt["host"] = given["HostName"]
    mqtt["client_id"] = given["RegistrationId"]
    mqtt["user"] = "%s/registrations/%s/api-version=2019-03-31" % (
        given["IdScope"], given["RegistrationId"]
    )  # fmt: skip
    if _KEPT not in sys.modules:
        from node.network import provisioning_service

        provisioning_service.hub = given
        _keep("provisioning_service")


def _service(section, mqtt):
    hosts = _HOSTS.split()
    mqtt["host"] = mqtt.get("host") or hosts[hosts.index(section["service"]) + 1]
    mqtt["user"] = section.get("user") or section["token"]
    if "user" in section:
        mqtt["password"] = section["token"]
    if _KEPT not in sys.modules:
        from node.network import hosted_service

        hosted_service.service = section
        _keep("hosted_service")


def _keep(name):
    sys.modules[_KEPT] = sys.modules["node.network." + name]
    forget(name, package="node.network")
