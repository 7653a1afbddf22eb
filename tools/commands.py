"""What `petrel` can do: a line for each command, in the order and groups of `make help`.

A command's module is imported when the command is used. Its set-up is done before that, as `make`
does it: the first time takes a moment, later times nothing.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A command: where its code is, and what has to be set up for it."""

    module: str  # its `command` is what runs
    level: str  # of tools.start.bootstrap.LEVELS; empty if it needs no set-up
    words: str  # for the list of commands


GROUPS: dict[str, dict[str, Entry]] = {
    "Start": {
        "demo": Entry(
            "tools.play.demo", "demo", "Watch a whole node here: readings, a command, an outage."
        ),
        "play": Entry(
            "tools.play.playground", "demo", "Play with a simulated node; break its network."
        ),
        "sim": Entry("tools.play.sim", "host", "Run a simulated node with its console here."),
        "node": Entry("tools.cpython.node", "", "Run a node on a Raspberry Pi or any Linux."),
        "repl": Entry("tools.board.repl", "host", "Open a board's REPL, or the simulated one's."),
        "broker": Entry("tools.play.broker", "demo", "Run a broker here, if you have none."),
    },
    "Board": {
        "check": Entry("tools.config.check", "host", "Check a config for a board."),
        "wiring": Entry("tools.wiring.command", "host", "Draw the wires of a config."),
        "battery": Entry("tools.config.battery", "host", "Estimate how long a battery lasts."),
        "flash": Entry("tools.board.flash", "host", "Put MicroPython onto a board."),
        "deploy": Entry("tools.board.deploy", "host", "Copy Petrel onto a board."),
        "usb": Entry("tools.board.usb", "host", "Copy Petrel onto a Pyboard's USB drive."),
        "provision": Entry(
            "tools.talk.provision", "host", "Give a board on USB its Wi-Fi: network, password."
        ),
        "web": Entry(
            "tools.board.web", "host", "Write a page that flashes boards from a browser."
        ),
        "monitor": Entry("tools.talk.monitor", "host", "Show live readings."),
        "logs": Entry("tools.talk.logs", "host", "Show what a node says, live."),
        "doctor": Entry("tools.doctor.command", "host", "Say what is wrong with a node or board."),
        "send": Entry("tools.talk.send", "host", "Send a command to a node; show its reply."),
        "config": Entry("tools.talk.config", "host", "Show or change a node's config over MQTT."),
        "calibrate": Entry(
            "tools.talk.calibrate", "host", "Calibrate a sensor; write that into the config."
        ),
        "bridge": Entry("tools.talk.bridge", "host", "Carry a serial board's MQTT to a broker."),
    },
    "Back end": {
        "collect": Entry("tools.backend.collect", "backend", "Store what nodes publish; a page."),
        "user": Entry("tools.backend.web.user", "backend", "Add users of the page; passwords."),
        "query": Entry("tools.backend.query", "backend", "Show or export what is stored."),
        "simulate": Entry("tools.backend.simulate", "backend", "Publish as a fleet of nodes."),
    },
    "Fleet": {
        "keys": Entry(
            "tools.update.keys", "host", "Make the keys that sign updates; change them."
        ),
        "release": Entry(
            "tools.update.releases", "host", "Sign an update; the files of a version."
        ),
        "fleet": Entry(
            "tools.fleet.command", "host", "Many nodes: configs, deploys, releases in stages."
        ),
        "offer": Entry(
            "tools.update.offer", "host", "Give an update to nodes; show how far it is."
        ),
    },
    "Develop": {
        "setup": Entry("tools.start.setup", "", "Install all tools into .venv and .tools."),
        "test": Entry("tools.lab.test", "test", "Run all tests, with a real broker."),
        "lint": Entry("tools.lint.command", "test", "Check style, types, imports, spelling."),
        "build": Entry("tools.make.package", "host", "Compile Petrel for a board."),
        "firmware": Entry("tools.make.firmware", "host", "Build MicroPython with Petrel in it."),
        "docs": Entry("tools.docs.site", "host", "Build the documentation."),
        "reference": Entry("tools.docs.generated", "test", "Write the pages made from the code."),
        "heap": Entry("host_tests.heap_figures", "test", "Measure whole nodes in small heaps."),
        "clean": Entry("tools.start.clean", "", "Remove what was built; --all: the tools too."),
        "completion": Entry("tools.start.completion", "", "Print what completes its commands."),
    },
    "Evidence": {
        "test-homeassistant": Entry(
            "tools.lab.homeassistant", "test", "Run beside a real Home Assistant."
        ),
        "test-emulated": Entry("tools.lab.emulator.prepare", "test", "Run on emulated chips."),
        "test-page": Entry("tools.lab.browser", "test", "Try the back end's page in Chromium."),
        "test-clusters": Entry("tools.lab.clusters", "test", "Run with clusters of brokers."),
        "test-timescale": Entry("tools.lab.timescale", "test", "Run with TimescaleDB."),
        "test-azure": Entry("tools.lab.azure", "test", "Compare with Azure's own client."),
        "test-aws": Entry("tools.lab.aws", "test", "Compare shadows with those of moto."),
        "test-node-red": Entry("tools.lab.nodered", "test", "Run the docs' flow in Node-RED."),
        "faults": Entry("host_tests.faults.__main__", "test", "Run the fault lab."),
        "soak": Entry("host_tests.faults.soak", "test", "Run nodes under random faults."),
        "soak-backend": Entry(
            "host_tests.backend.soak", "test", "Kill collector, broker, database."
        ),
        "interop": Entry("host_tests.interop.__main__", "test", "Try six real brokers."),
        "conformance": Entry("tools.lab.conformance", "test", "Test every statement of MQTT."),
        "test-powercut": Entry("tools.lab.powercut", "test", "Cut the power at every write."),
        "test-sleep": Entry(
            "host_tests.nights", "test", "Run a node that sleeps for a thousand cycles."
        ),
        "fuzz": Entry("host_tests.fuzz", "test", "Send mutated packets to the clients."),
        "bench": Entry("tools.lab.bench", "test", "Measure what the MQTT clients cost."),
        "bench-backend": Entry("host_tests.backend.bench", "test", "Measure the collector."),
        "cortex": Entry("host_tests.emulated.__main__", "test", "Measure RAM on a Cortex-M3."),
    },
}
COMMANDS = {name: entry for group in GROUPS.values() for name, entry in group.items()}
