# Runs rules on the simulated board in accelerated time. A JSON file says what happens:
# {"config", "start": s since 1970 or 0, "step": s between two turns of the loop, "link": "up",
# "down" or "flaps", "steps": [[s to run, {"pin:4": level, "adc:34": V, "topic": {...}, "read":
# {topic: value}, "set": {...}}], ...]}.
# Prints what the outputs and the rules did, as JSON: one line for each change, one for each step.
import json
import sys
import time as real

with open(sys.argv[1]) as file:
    plan = json.load(file)


class Time:
    """Stands in for the module time."""

    now = 0  # s since the board was switched on


clock = Time()
for name in dir(real):
    setattr(clock, name, getattr(real, name))
clock.time = lambda: (plan["start"] or 946_684_800) + clock.now
clock.ticks_ms = lambda: clock.now * 1000
sys.modules["time"] = clock

import bench  # noqa: E402
import machine  # noqa: E402
import machine_more  # noqa: E402

first = plan["steps"][0][1]
levels = {key: first[key] for key in first if key[:4] == "pin:"}
volts = {key: first[key] for key in first if key[:4] == "adc:"}


def answer(*words):
    """Answer what the board asks of its bench."""
    if words[0] == "get":
        return levels.get("pin:%s" % words[1])
    if words[0] == "adc":
        return volts.get("adc:%s" % words[1], 1.65) * 1_000_000
    return None


machine.ask = answer
if hasattr(machine_more, "ask"):
    machine_more.ask = answer

from node.app import Node  # noqa: E402
from node.config.load import complete  # noqa: E402
from node.config.schema import check  # noqa: E402
from node.overlay import call  # noqa: E402


class Client:
    """Takes messages into a queue that empties while there is a connection."""

    up = True
    limit = 8
    count = 0
    connects = 1

    def __init__(self):
        self.outbox = self
        self.filters = {}
        self.untold = []
        self.posted = []
        self.refused = 0

    def post(self, topic, payload, retain=False, qos=1):
        if self.count >= self.limit:
            self.refused += 1
            return None
        self.count += 1
        if "/alarm/" in topic or "/rules/" in topic:
            self.posted.append((topic, json.loads(payload), bool(retain)))
        return True


config = plan["config"]
with open("config.json", "w") as file:
    file.write(json.dumps(config))
faults = check(config)
if faults:
    print(json.dumps({"faults": faults}))
    sys.exit()
config = complete(config)
config["watchdog"] = 0
config["homeassistant"] = False
node = Node("petrel/n1/", 300, {}, False)
node.epoch = 0
node.unset = not plan["start"]
node.client = client = Client()
call("start", "sensors", "make", node, config)
config["sensors"] = ()
rules = list(config["rules"])
call("config", "making_rules", "begin", node, config)
if node.ended:  # they are compiled; the board would start afresh
    node.ended = None
    config["rules"] = rules
    call("config", "making_rules", "begin", node, config)
engine = node.sensors[-1].part
outputs = [each for each in node.sensors if hasattr(each.part, "state")]
before = {}
for each in node.sensors:
    if each.name in plan.get("driven", ()):  # its readings stand in the plan
        each.attend = lambda now, tell: 1000
flaps = plan.get("link", "up") == "flaps"


def broken(value):
    raise OSError("it burnt")


for each in node.sensors:
    if each.name == plan.get("breaks"):
        each.part.set = broken


def turn(seconds):
    clock.now += seconds
    node.uptime += seconds
    client.up = (clock.now // 5000) % 2 == 0 if flaps else plan.get("link", "up") == "up"
    now = clock.ticks_ms()
    for _ in range(
        1 if plan.get("quiet") else 3
    ):  # what an output has become is told in the turn after
        node._sample(now)
        if client.up:
            client.count = 0
    for output in outputs:
        state = output.part.state
        if before.get(output.name) != state:
            before[output.name] = state
            print(json.dumps([clock.now, output.name, state]))


def collected():
    alarms = {}
    told = []
    for topic, message, retain in client.posted:
        if topic.startswith("petrel/n1/alarm/"):
            assert retain
            alarms[topic[16:]] = message
        elif topic.startswith("petrel/n1/rules/"):
            told.append([topic[16:], message])
    del client.posted[:]
    return alarms, told


turn(0)
for seconds, changes in plan["steps"]:
    for key, value in changes.items():
        if key[:4] == "adc:":
            volts[key] = value
        elif key[:4] == "pin:":
            old = levels.get(key)
            levels[key] = value
            if old != value:
                for handler in bench.handlers:
                    handler(value)
        elif key == "topic":
            for topic in value:
                node.on_message(topic, value[topic].encode(), True)
        elif key == "read":
            for topic in value:
                shown = json.dumps(value[topic])
                if value[topic] is None:
                    for sensor in node.sensors:
                        if sensor.name == topic:
                            sensor.failures = 9
                else:
                    for sensor in node.sensors:
                        if sensor.name == topic:
                            sensor.failures = 0
                    text = '{"value": %s, "unit": "", "seq": 1}' % shown
                    engine.deliver(client, node.prefix + topic, text)
        elif key == "link":
            plan["link"] = value
        elif key == "set":
            engine.set(value)
        elif key == "clock":
            plan["start"] = value - clock.now
            node.unset = False
    step = changes.get("step", plan.get("step", 1))
    left = seconds
    while left > 0:
        turn(min(left, step))
        left -= step
    if not plan.get("quiet"):
        alarms, told = collected()
        states = {each.name: each.part.state for each in outputs}
        print(
            json.dumps(
                {
                    "at": clock.now,
                    "states": states,
                    "alarms": alarms,
                    "told": told,
                    "about": node.about,
                    "drops": node.drops,
                    "error": node.error,
                    "refused": client.refused,
                }
            )
        )
    else:
        del client.posted[:]
