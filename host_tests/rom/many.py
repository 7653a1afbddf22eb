# Takes readings as fast as the broker acknowledges them, and prints the free heap: for a test.
import gc

import micropython

import mqtt.link  # noqa: F401
import node.main
import sensors.analog  # noqa: F401
import sensors.digital  # noqa: F401
from node.overlay import call, forget


def readings(count):
    config, faults, state = node.main.found
    made = call("start", "begin", "begin", config, faults, state)
    call("start", "equip", "equip", made, config)
    client = made.client
    outbox = client.outbox
    while not client.up:
        client.wait(max(0, client.step()))
    while client.untold:
        client.wait(max(0, client.step()))
    forget("connect", package="mqtt.engine")
    for taken in range(1, count + 1):
        made.sensors[taken & 1]._read()
        # Later many times, not in step with what is told every so often: what is held for just
        # now, such as the last value, may lie in the middle of the largest block.
        late = taken > count - 30_000 and taken % 997 == 0
        left = 0 if taken == 1000 or late or taken == count else outbox.limit - 1
        client.step()
        while outbox.count > left:
            client.wait(max(0, client.step()))
        if not left:
            outbox.payload = None  # the last one, whose length varies
            gc.collect()
            print("free", taken, gc.mem_free(), "refused", outbox.refused, "drops", made.drops)
            micropython.mem_info()
