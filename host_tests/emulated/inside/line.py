"""What the programs here share: the UART to the broker, and its deadlines."""

from machine import UART

from mqtt.stream import stream

NAME = "cortex"
BUFFER = 128
DEADLINE_S = 1  # for an answer: on a line without an end it alone tells that nobody answers
BACKOFF_MS = (50, 400)


def blocking(keepalive):
    """A blocking client that is connected."""
    from mqtt.simple import MQTTClient

    client = MQTTClient(NAME, None, dial=stream(UART(1)), keepalive=keepalive, buffer=BUFFER)
    client.connect(False, DEADLINE_S)
    return client


def waiting(keepalive, **options):
    """An asyncio client that was started."""
    from mqtt.client import Client

    dial = stream(UART(1))
    client = Client(
        dial, NAME, keepalive=keepalive, clean=False, buffer=BUFFER, backoff_ms=BACKOFF_MS,
        **options,
    )  # fmt: skip
    client.answer_ms = DEADLINE_S * 1000
    client.start()
    return client
