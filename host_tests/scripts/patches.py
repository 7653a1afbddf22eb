# Changes a config again and again as the command `config` does: the parts come as lines of JSON.
# Each time the node connects with the new config, or, every second time, does not. Prints what
# is wrong: a start without a valid config, or with a fault.
import sys


class Machine:
    @staticmethod
    def soft_reset():
        raise SystemExit


sys.modules["machine"] = Machine
from node.commands import config as command  # noqa: E402
from node.config import change, changed, load  # noqa: E402


class Client:
    up = True
    untold = rejected = ()

    def post(self, topic, payload):
        return 1


class Node:
    prefix = "petrel/n1/"
    error = ""
    faulty = False
    ended = gave_up = None

    def __init__(self, about, up):
        self.about = about
        self.client = Client()
        self.client.up = up
        self.uptime = about["changed"]


def start():
    for _ in range(12):
        try:
            config, faults, state = load.load()
        except SystemExit:
            continue
        if state == "new":
            continue
        about = changed.begin(config, faults, "")
        if about is not None:
            return config, faults, about
    raise ValueError("it never comes to an end")


start()
stored = 0
for number, line in enumerate(sys.stdin):
    line = line.strip().encode()
    command.write("part" if number % 5 else "whole", "config.json", line)
    try:
        if number % 3:
            stored += not change.now()[0]
        else:
            stored += 1
    except ValueError:
        change.remove("config.json.change")
    config, faults, about = start()
    while "changed" in about:  # at 0 there is something to be told
        changed.look(Node(about, not about["changed"] or bool(number % 2)))
        config, faults, about = start()
    if not config or faults or about:
        print(number, line, config, faults, about)
print("stored", stored)
