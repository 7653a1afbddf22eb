"""The errors of a client, where programs import them from; they are made in mqtt.core."""

from mqtt.core import LinkError as LinkError
from mqtt.core import ProtocolError as ProtocolError
from mqtt.core import Refused as Refused
