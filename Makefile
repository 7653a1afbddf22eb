# What one can do with Petrel, in the order in which a newcomer would. `make help` explains.
BOARD ?= UNIX
PYTHON ?= python3
WORKERS ?= 12
RUN = .venv/bin/python -m tools
# The way to a broker, for the targets that need one.
BROKER = $(if $(HOST),--host '$(HOST)') $(if $(TLS),--tls) $(if $(CA),--ca '$(CA)') $(if $(CERT),--cert '$(CERT)') $(if $(KEY),--key '$(KEY)')
LOGIN = $(if $(USER_NAME),--user '$(USER_NAME)') $(if $(BASE),--base '$(BASE)')

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-emulated faults soak interop conformance fuzz lint heap bench cortex docs reference build check wiring firmware flash deploy usb repl monitor send broker sim clean distclean bridge

help:  ## this list
	@awk -F':.*## ' '/^[a-z_-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  BOARD=ESP32_GENERIC chooses the board, PORT=/dev/ttyUSB0 its port; see README.md"

setup:  ## install all tools into .venv and .tools, once; no root needed
	@$(PYTHON) tools/bootstrap.py

.PHONY: setup-host setup-demo
setup-host setup-demo: setup-%:
	@$(PYTHON) tools/bootstrap.py $*

demo: setup-demo  ## the whole node on this computer, against a real broker (SECONDS=20 ends by itself)
	@$(RUN) demo $(if $(SECONDS),--seconds '$(SECONDS)')

test: setup  ## all tests, inside MicroPython 64 and 32 bit and against a real broker (ARGS= for pytest)
	@.venv/bin/python -m pytest $(or $(ARGS),-n $(WORKERS) --dist worksteal --ignore=host_tests/emulated)

test-emulated: setup  ## Petrel on emulated chips, a Pico and a Cortex-M3; fetches compiler and emulators (ARGS=)
	@.venv/bin/python -m tools.emulator.prepare
	@.venv/bin/python -m pytest -n 2 -rs host_tests/emulated $(ARGS)

faults: setup  ## the fault lab alone: every fault of docs/faults.md (WRITE=1 updates that page)
	@.venv/bin/python -m host_tests.faults $(if $(WRITE),--write)

soak: setup  ## whole nodes under random faults, every reading accounted for (MINUTES=30 NODES=4 RATE=5 SEED=)
	@.venv/bin/python -m host_tests.faults.soak $(if $(MINUTES),--minutes '$(MINUTES)') $(if $(SEED),--seed '$(SEED)') $(if $(NODES),--nodes '$(NODES)') $(if $(RATE),--rate '$(RATE)') $(if $(WRITE),--write)

interop: setup  ## both clients against six real brokers; writes docs/interop.md (ARGS=nats: one)
	@.venv/bin/python -m host_tests.interop $(ARGS)

conformance: setup  ## every statement of MQTT that binds a client; writes docs/conformance.md
	@.venv/bin/python -m tools.conformance

fuzz: setup  ## mutated packets into the MQTT client, in a 34 KB heap (COUNT=1000000)
	@.venv/bin/python -m host_tests.fuzz $(if $(COUNT),--count '$(COUNT)')

lint: setup  ## style, types (host, and each board's stubs) and the layers of imports
	@$(RUN) lint

docs: setup-host  ## the documentation as a site, build/site/index.html (SERVE=1: at 127.0.0.1:8000)
	@$(RUN) docs $(if $(SERVE),--serve)

reference: setup  ## write the pages that are made from the code: docs/reference.md, docs/sensors and so on
	@.venv/bin/python -m tools.generated

heap: setup  ## measure what whole nodes take of a small heap; make check estimates with it
	@.venv/bin/python -m host_tests.heap_figures

bench: setup  ## what the MQTT clients cost, beside the floor (MEMORY=1: RAM alone; WRITE=1 updates docs/bench.md)
	@$(RUN) bench $(if $(ROUNDS),--rounds '$(ROUNDS)') $(if $(MEMORY),--memory) $(if $(WRITE),--write)

cortex: setup  ## the clients' RAM on an emulated Cortex-M3, beside the unix port's (WRITE=1 updates docs/bench.md)
	@.venv/bin/python -m host_tests.emulated $(if $(WRITE),--write)

build: setup-host  ## compile the package into build/$(BOARD)/, with a table of sizes (FACTORY=file: a config to build in)
	@$(RUN) build $(BOARD) $(if $(FACTORY),--factory '$(FACTORY)')

check: setup-host  ## would BOARD take this config, and are there better pins (CONFIG=file)
	@$(RUN) check $(BOARD) '$(or $(CONFIG),firmware/config.json)'

wiring: setup-host  ## a picture of the wiring of a config: build/wiring.svg (CONFIG=file BOARD= OUT=)
	@$(RUN) wiring $(BOARD) '$(or $(CONFIG),firmware/config.json)' $(if $(OUT),--out '$(OUT)')

firmware: setup-host  ## MicroPython with Petrel frozen in (BOARD=RPI_PICO; others: MICROPYTHON=folder)
	@$(RUN) firmware $(BOARD) $(if $(MICROPYTHON),--micropython '$(MICROPYTHON)') $(if $(FACTORY),--factory '$(FACTORY)')

flash: setup-host  ## put MicroPython onto a board (FIRMWARE=file, BAUD=115200: slower, DRY_RUN=1: only print the command)
	@$(RUN) flash $(BOARD) $(if $(PORT),--port '$(PORT)') $(if $(FIRMWARE),--firmware '$(FIRMWARE)') $(if $(BAUD),--baud '$(BAUD)') $(if $(DRY_RUN),--dry-run)

deploy: setup-host  ## copy the package onto a board; its config.json is kept (CONFIG=file sends one, DRIVERS=a,b)
	@$(RUN) deploy $(BOARD) $(if $(PORT),--port '$(PORT)') $(if $(CONFIG),--config '$(CONFIG)') $(if $(TO),--to '$(TO)') $(if $(DRIVERS),--drivers '$(DRIVERS)')

usb: setup-host  ## copy the package onto a Pyboard's USB drive, or into a folder for it (CONFIG=file, DRIVERS=a,b)
	@$(RUN) usb $(if $(filter UNIX,$(BOARD)),PYBV11,$(BOARD)) $(if $(TO),--to '$(TO)') $(if $(CONFIG),--config '$(CONFIG)') $(if $(DRIVERS),--drivers '$(DRIVERS)')

repl: setup-host  ## the REPL of a board, or of the simulated one
	@$(RUN) repl $(BOARD) $(if $(PORT),--port '$(PORT)')

bridge: setup-host  ## carry MQTT from a board on a serial port to a broker (PORT=/dev/ttyACM0 HOST=broker, KEYS=1: its REPL)
	@$(RUN) bridge $(if $(PORT),--port '$(PORT)') $(BROKER) $(if $(BAUD),--baud '$(BAUD)') $(if $(KEYS),--keys)

monitor: setup-host  ## live readings from a broker (HOST=name:port USER_NAME= BASE=petrel FILTER=; TLS=1 CA= CERT= KEY=)
	@$(RUN) monitor $(BROKER) $(LOGIN) $(if $(FILTER),--filter '$(FILTER)')

send: setup-host  ## a command to a node (NODE=greenhouse COMMAND=read PAYLOAD=light, HOST= and so on as for monitor)
	@$(RUN) send $(BROKER) $(LOGIN) -- '$(NODE)' '$(COMMAND)' '$(PAYLOAD)'

broker: setup-demo  ## a broker on this computer, if you have none (LAN=1: boards may connect; BROKER_PORT=1883)
	@$(RUN) broker $(if $(LAN),--lan) $(if $(BROKER_PORT),--port '$(BROKER_PORT)')

sim: build  ## run the simulated board with its console here (CONFIG=file)
	@$(RUN) sim $(if $(CONFIG),--config '$(CONFIG)')

clean:  ## remove what was built
	@rm -rf build

distclean: clean  ## remove the tools as well
	@rm -rf .venv .tools
