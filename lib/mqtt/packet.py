"""The errors of a client, where programs import them from; they are made in engine.core."""

from mqtt.engine.base import LinkError as LinkError
from mqtt.engine.base import ProtocolError as ProtocolError
from mqtt.engine.base import Refused as Refused
