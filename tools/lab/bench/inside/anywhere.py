"""Figures of RAM that are taken alike on the unix port, over TCP, and on a board, over its UART 1.

    micropython -m anywhere FUNCTION PORT ARGUMENT...

The last line printed is the figure. On a board, where there is no command line, the functions are
called, with None for the port. CLIENT is "blocking" or "asyncio".
"""

import gc
import sys


def imported(_, *names):
    """Bytes of heap that the modules take, imported in this order."""
    gc.collect()
    before = gc.mem_alloc()
    for name in names:
        __import__(name)
        gc.collect()
    print(gc.mem_alloc() - before)


def connected(port, client):
    """Bytes of heap that a client takes that is connected, with all its options' defaults."""
    gc.collect()
    before = gc.mem_alloc()
    _connect(port, client, lambda: print(gc.mem_alloc() - before))


def free(port, client):
    """Bytes of heap that are free then."""
    _connect(port, client, lambda: print(gc.mem_free()))


def allocated(port, client, mode, count):
    """Bytes allocated per operation, see meter."""
    from meter import Bytes

    program = __import__(client + "_client")
    if port is None:
        _redirect(program)
    run = getattr(program, mode)(int(port or 0), int(count), Bytes())
    if run:
        program.asyncio.run(run)


def _connect(port, client, tell):
    if client == "blocking":
        from mqtt.simple import MQTTClient

        blocking = MQTTClient("bench", "127.0.0.1", int(port or 0), keepalive=60, dial=_dial(port))
        blocking.connect()
        gc.collect()
        tell()
        blocking.disconnect()
    else:
        import asyncio

        asyncio.run(_wait(port, tell))


async def _wait(port, tell):
    from mqtt.client import Client

    lost = []
    client = Client(_dial(port) or "127.0.0.1", "bench", int(port or 0), on_lost=lost.append)
    client.start()
    while not client.up:
        await client.progress()
        if lost:  # out of memory: it would try again forever
            raise lost[0]
    gc.collect()
    tell()
    await client.stop()


def _dial(port):
    """None for TCP, which is what the clients dial if they are told nothing else."""
    if port is None:
        from machine import UART

        from mqtt.stream import stream

        return stream(UART(1))


def _redirect(program):
    """Have the clients of a program made with another dialler than theirs."""
    if hasattr(program, "Client"):
        make = program.Client
        program.Client = lambda _, name, port, **options: make(_dial(None), name, **options)
    else:
        create = program.MQTTClient
        program.MQTTClient = lambda name, host, port, **options: create(
            name, host, port, dial=_dial(None), **options
        )


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
