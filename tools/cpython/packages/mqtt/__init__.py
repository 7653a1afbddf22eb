"""Petrel's MQTT client for programs in Python: the files that run on boards.

from mqtt.simple import MQTTClient     blocking, with umqtt's names
from mqtt.client import Client         for asyncio
"""

from tools.cpython import loader

loader.install()
__path__ = [str(each) for each in loader.PACKAGES["mqtt"]]
