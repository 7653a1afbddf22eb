"""The errors of a client, where programs import them from; they are made in engine.core."""

from mqtt.engine.core import LinkError as LinkError
from mqtt.engine.core import ProtocolError as ProtocolError
from mqtt.engine.core import Refused as Refused
