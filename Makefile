# What you can do with Petrel, in the order in which you would. `make help` lists it. Each target sets
# up what it needs and calls petrel, the command line in tools/, which does the same by itself.
BOARD ?= UNIX
PYTHON ?= python3
WORKERS ?= 10
RUN = .venv/bin/python -m tools
# The way to a broker, for the targets that need one.
BROKER = $(if $(HOST),--host '$(HOST)') $(if $(TLS),--tls) $(if $(CA),--ca '$(CA)') $(if $(CERT),--cert '$(CERT)') $(if $(KEY),--key '$(KEY)')
LOGIN = $(if $(USER_NAME),--user '$(USER_NAME)') $(if $(BASE),--base '$(BASE)')

.DEFAULT_GOAL := help
.PHONY: $(shell awk -F: '/^[a-z-]+:/ {print $$1}' $(MAKEFILE_LIST))

help:  ## this list
	@awk -F':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / && $$1 != "help" {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "petrel does the same from any folder, with completion: .venv/bin/petrel --help."
	@echo "BOARD=ESP32_GENERIC chooses the board, PORT=/dev/ttyUSB0 its port. Begin with README.md."

##@ Start

demo: setup-demo  ## watch a whole node: readings, a command, an outage (SECONDS= ends it, PICTURE=file.svg)
	@$(RUN) demo $(if $(SECONDS),--seconds '$(SECONDS)') $(if $(PICTURE),--picture '$(PICTURE)')

play: setup-demo  ## play with a simulated node: set what it measures, break its network (CONFIG=my.json CLOUD=azure)
	@$(RUN) play $(if $(CONFIG),--config '$(CONFIG)') $(if $(CLOUD),--cloud '$(CLOUD)')

sim: setup-host  ## run a node with its console here (CONFIG=my.json SERIAL=1: with a serial port)
	@$(RUN) sim $(if $(CONFIG),--config '$(CONFIG)') $(if $(SERIAL),--serial)

node: setup-host  ## run a node on this computer, a Raspberry Pi or any Linux (CONFIG=my.json STATE=folder)
	@$(RUN) node '$(or $(CONFIG),$(error say CONFIG=my.json))' $(if $(STATE),--state '$(STATE)')

repl: setup-host  ## open the REPL of a board (BOARD= PORT=), or of the simulated one (CONFIG=my.json)
	@$(RUN) repl '$(BOARD)' $(if $(PORT),--port '$(PORT)') $(if $(CONFIG),--config '$(CONFIG)')

broker: setup-demo  ## run a broker, if you have none (LAN=1: boards may connect; BROKER_PORT=1883)
	@$(RUN) broker $(if $(LAN),--lan) $(if $(BROKER_PORT),--port '$(BROKER_PORT)')

##@ Board

check: setup-host  ## check a config for a board (CONFIG=my.json)
	@$(RUN) check '$(BOARD)' '$(or $(CONFIG),firmware/config.json)'

wiring: setup-host  ## draw the wires of a config into build/wiring.svg (CONFIG=my.json OUT=)
	@$(RUN) wiring '$(BOARD)' '$(or $(CONFIG),firmware/config.json)' $(if $(OUT),--out '$(OUT)')

battery: setup-host  ## estimate how long a config lasts on a battery; a picture (CONFIG=my.json CELL=18650 MAH= SECONDS= AWAKE_MA= ASLEEP_UA=)
	@$(RUN) battery '$(BOARD)' '$(or $(CONFIG),firmware/config.json)' $(if $(CELL),--battery '$(CELL)') $(if $(MAH),--capacity '$(MAH)') $(if $(SECONDS),--seconds '$(SECONDS)') $(if $(AWAKE_MA),--awake-ma '$(AWAKE_MA)') $(if $(ASLEEP_UA),--asleep-ua '$(ASLEEP_UA)') $(if $(EXTRA_UA),--extra-ua '$(EXTRA_UA)') $(if $(OUT),--out '$(OUT)')

flash: setup-host  ## put MicroPython onto a board (FIRMWARE=file.bin PORT= BAUD=115200 DRY_RUN=1)
	@$(RUN) flash '$(BOARD)' $(if $(PORT),--port '$(PORT)') $(if $(FIRMWARE),--firmware '$(FIRMWARE)') $(if $(BAUD),--baud '$(BAUD)') $(if $(DRY_RUN),--dry-run)

deploy: setup-host  ## copy Petrel onto a board; its config is kept (CONFIG=my.json sends one; PORT= DRIVERS=a,b MODE=files)
	@$(RUN) deploy '$(BOARD)' $(if $(PORT),--port '$(PORT)') $(if $(CONFIG),--config '$(CONFIG)') $(if $(TO),--to '$(TO)') $(if $(DRIVERS),--drivers '$(DRIVERS)') $(if $(MODE),--mode '$(MODE)')

usb: setup-host  ## copy Petrel onto a Pyboard's USB drive (CONFIG=my.json TO=folder DRIVERS=a,b)
	@$(RUN) usb $(if $(filter UNIX,$(BOARD)),PYBV11,$(BOARD)) $(if $(TO),--to '$(TO)') $(if $(CONFIG),--config '$(CONFIG)') $(if $(DRIVERS),--drivers '$(DRIVERS)')

provision: setup-host  ## give a board on USB its Wi-Fi (PORT= SSID=); its config has "wifi": {}
	@$(RUN) provision $(if $(PORT),--port '$(PORT)') $(if $(SSID),--ssid '$(SSID)') $(if $(BAUD),--baud '$(BAUD)')

web: setup-host  ## write a page that flashes boards from a browser (BOARD= FIRMWARE= SERVE=1)
	@$(RUN) web $(if $(filter UNIX,$(BOARD)),,$(BOARD)) $(if $(FIRMWARE),--firmware '$(FIRMWARE)') $(if $(SERVE),--serve)

monitor: setup-host  ## show live readings (HOST=broker FILTER= BASE= USER_NAME= TLS=1 CA= CERT= KEY=)
	@$(RUN) monitor $(BROKER) $(LOGIN) $(if $(FILTER),--filter '$(FILTER)')

logs: setup-host  ## show what a node says at its console, live (HOST=broker NODE=greenhouse LEVEL=warning)
	@$(RUN) logs $(BROKER) $(LOGIN) $(if $(LEVEL),--level '$(LEVEL)') -- '$(NODE)'

doctor: setup-host  ## say what is wrong with a node, or without NODE with the board on USB (HOST=broker NODE=greenhouse PORT=)
	@$(RUN) doctor $(BROKER) $(LOGIN) $(if $(PORT),--port '$(PORT)') -- '$(NODE)'

send: setup-host  ## send a command to a node (HOST=broker NODE=greenhouse COMMAND=read PAYLOAD=light)
	@$(RUN) send $(BROKER) $(LOGIN) -- '$(NODE)' '$(COMMAND)' '$(PAYLOAD)'

config: setup-host  ## show a node's config, or change it (NODE=greenhouse SET=sensors.light.interval=5 FILE=my.json YES=1)
	@$(RUN) config $(BROKER) $(LOGIN) $(foreach each,$(SET),--set '$(each)') $(if $(FILE),--file '$(FILE)') $(if $(YES),--yes) -- '$(NODE)'

calibrate: setup-host  ## calibrate a sensor, and write that into the config (NODE=greenhouse SENSOR=air/temperature CONFIG=my.json LINE=1)
	@$(RUN) calibrate $(BROKER) $(LOGIN) $(if $(LINE),--line) -- '$(NODE)' '$(SENSOR)' '$(CONFIG)'

bridge: setup-host  ## carry a serial board's MQTT to a broker (HOST=broker PORT= BAUD= KEYS=1: its REPL)
	@$(RUN) bridge $(if $(PORT),--port '$(PORT)') $(BROKER) $(if $(BAUD),--baud '$(BAUD)') $(if $(KEYS),--keys)

##@ Back end

collect: setup-backend  ## store what nodes publish, and show it on a page (CONFIG=collector.toml HOST= LAN=1)
	@$(RUN) collect $(if $(CONFIG),--config '$(CONFIG)') $(if $(HOST),--host '$(HOST)') $(if $(LAN),--lan)

user: setup-backend  ## add a user of the page (NAME=eve ROLE=viewer, operator or admin; CONFIG=)
	@$(RUN) user add '$(or $(NAME),$(error say NAME=eve))' $(if $(ROLE),--role '$(ROLE)') $(if $(CONFIG),--config '$(CONFIG)')

query: setup-backend  ## show or export what is stored (NODE= SENSOR= FROM=-7d OUT=file.csv or .parquet)
	@$(RUN) query $(if $(CONFIG),--config '$(CONFIG)') $(if $(FROM),--from='$(FROM)') $(if $(OUT),--out '$(OUT)') -- $(if $(NODE),'$(NODE)') $(if $(SENSOR),'$(SENSOR)')

simulate: setup-backend  ## publish as a fleet of nodes does (NODES=100 RATE= HOST=broker SECONDS=)
	@$(RUN) simulate $(BROKER) $(if $(NODES),--nodes '$(NODES)') $(if $(RATE),--rate '$(RATE)') $(if $(SECONDS),--seconds '$(SECONDS)')

##@ Fleet

keys: setup-host  ## list the keys that sign updates (DO=make NAME=main; DO=rotate, retire or show)
	@$(RUN) keys $(or $(DO),list) $(if $(NAME),'$(NAME)') $(if $(NEW),'$(NEW)')

release: setup-host  ## sign an update for your nodes (KEY=main BOARD=), or make the files of VERSION=0.2.0 (PREPARE=1)
	@$(RUN) release $(if $(VERSION),'$(VERSION)' $(if $(PREPARE),--prepare),sign $(if $(filter UNIX,$(BOARD)),,'$(BOARD)') $(if $(KEY),--key '$(KEY)') $(if $(OUT),--out '$(OUT)'))

fleet: setup-host  ## make and check the configs of many nodes (FLEET=fleet.toml NAMES="a b"; DO=list, deploy, ...)
	@$(RUN) fleet $(or $(DO),render) $(if $(FLEET),--fleet '$(FLEET)') $(NAMES)

offer: setup-host  ## give an update to nodes, and answer while they fetch it (NODES="a b", or ALL=1; HOST=broker SERIAL=)
	@$(RUN) offer $(BROKER) $(LOGIN) $(if $(ALL),--all) $(if $(SERIAL),--serial '$(SERIAL)') $(if $(FROM),--from '$(FROM)') -- $(NODES)

##@ Develop

setup:  ## install all tools into .venv and .tools; no root needed
	@$(PYTHON) tools/start/bootstrap.py

.PHONY: setup-host setup-demo setup-backend
setup-host setup-demo setup-backend: setup-%:
	@$(PYTHON) tools/start/bootstrap.py $*

test: setup  ## run all tests, in MicroPython 64 and 32 bit, with a real broker (ARGS= for pytest)
	@$(RUN) test $(or $(ARGS),--workers $(WORKERS))

lint: setup  ## check style, types, the layers of imports, spelling and phrases (FIX=1: fix style)
	@$(RUN) lint $(if $(FIX),--fix)

build: setup-host  ## compile for a board into build/BOARD/, with a table of sizes (FACTORY=file)
	@$(RUN) build '$(BOARD)' $(if $(FACTORY),--factory '$(FACTORY)')

firmware: setup-host  ## build MicroPython with Petrel in it (BOARD=RPI_PICO; others: MICROPYTHON=folder)
	@$(RUN) firmware '$(BOARD)' $(if $(MICROPYTHON),--micropython '$(MICROPYTHON)') $(if $(FACTORY),--factory '$(FACTORY)')

docs: setup-host  ## build the documentation into build/site/index.html (SERVE=1: at 127.0.0.1:8000)
	@$(RUN) docs $(if $(SERVE),--serve)

reference: setup  ## write the pages that are made from the code
	@$(RUN) reference

heap: setup  ## measure whole nodes in small heaps, for the estimate of make check
	@$(RUN) heap

clean:  ## remove what was built
	@rm -rf build

distclean: clean  ## remove the tools as well
	@rm -rf .venv .tools

##@ Evidence

test-homeassistant: setup  ## run nodes beside a real Home Assistant, from PyPI (RELEASE=2025.4.4 OPTIONAL=1 PICTURES=1 ARGS=)
	@$(RUN) test-homeassistant $(if $(RELEASE),--release '$(RELEASE)') $(if $(OPTIONAL),--optional) $(if $(PICTURES),--pictures) $(ARGS)

test-emulated: setup  ## run Petrel on emulated chips, a Pico and a Cortex-M3 (ARGS=)
	@$(RUN) test-emulated $(ARGS)

test-page: setup  ## try the back end's page in a headless Chromium (PICTURES=1 takes the docs' pictures)
	@$(RUN) test-page $(if $(PICTURES),--pictures) $(ARGS)

test-clusters: setup  ## kill each broker of a NATS and a RabbitMQ cluster under nodes and collectors (ARGS=)
	@$(RUN) test-clusters $(ARGS)

test-timescale: setup  ## run the back end's tests with TimescaleDB, from Debian (ARGS=)
	@$(RUN) test-timescale $(ARGS)

test-azure: setup  ## compare with Azure's own client, from PyPI, at the hub of the tests (ARGS=)
	@$(RUN) test-azure $(ARGS)

test-aws: setup  ## compare the shadows of the tests with those of moto, from PyPI (ARGS=)
	@$(RUN) test-aws $(ARGS)

test-node-red: setup  ## run the flow of docs/growing.md in a real Node-RED, from npm (ARGS=)
	@$(RUN) test-node-red $(ARGS)

faults: setup  ## run the fault lab (WRITE=1 updates docs/faults.md)
	@$(RUN) faults $(if $(WRITE),--write)

soak: setup  ## run nodes under random faults, every reading accounted for (MINUTES= NODES= RATE= SEED=)
	@$(RUN) soak $(if $(MINUTES),--minutes '$(MINUTES)') $(if $(SEED),--seed '$(SEED)') $(if $(NODES),--nodes '$(NODES)') $(if $(RATE),--rate '$(RATE)') $(if $(WRITE),--write)

soak-backend: setup  ## kill the collector 50 times, the broker 20 times, the database; count readings (ONLY=SQLite)
	@$(RUN) soak-backend $(if $(ONLY),--only '$(ONLY)') $(if $(RATE),--rate '$(RATE)') $(if $(NODES),--nodes '$(NODES)') $(if $(SEED),--seed '$(SEED)')

interop: setup  ## try both clients with six real brokers (ARGS=nats: one of them)
	@$(RUN) interop $(ARGS)

conformance: setup  ## test every statement of MQTT that binds a client (CPYTHON=1: in Python)
	@$(RUN) conformance $(if $(CPYTHON),--cpython)

test-powercut: setup  ## cut the power at every write of an update, on littlefs and FAT (ARGS="-k fat")
	@$(RUN) test-powercut $(ARGS)

test-sleep: setup  ## run a node that sleeps for a thousand cycles under faults, every reading accounted for (CYCLES= SEED=)
	@$(RUN) test-sleep $(if $(CYCLES),--cycles '$(CYCLES)') $(if $(SEED),--seed '$(SEED)')

fuzz: setup  ## send mutated packets to the clients, in a 32 KB heap (COUNT=1000000)
	@$(RUN) fuzz $(if $(COUNT),--count '$(COUNT)')

bench: setup  ## measure what the clients cost, beside the raw floor (MEMORY=1: only RAM; WRITE=1)
	@$(RUN) bench $(if $(ROUNDS),--rounds '$(ROUNDS)') $(if $(MEMORY),--memory) $(if $(WRITE),--write)

bench-backend: setup  ## measure the collector, beside mosquitto_sub (READINGS=300000 RATE= SECONDS= BACKLOG=1 PAGE=1)
	@$(RUN) bench-backend $(if $(READINGS),--readings '$(READINGS)') $(if $(RATE),--rate '$(RATE)') $(if $(SECONDS),--seconds '$(SECONDS)') $(if $(BACKLOG),--backlog) $(if $(PAGE),--page)

cortex: setup  ## measure the clients' RAM on an emulated Cortex-M3 (WRITE=1)
	@$(RUN) cortex $(if $(WRITE),--write)
