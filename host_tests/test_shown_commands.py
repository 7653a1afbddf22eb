"""Every command that a page shows: it is understood, and a test runs it, or it is said why not.

Understood: the Makefile makes a command line of it, and that command takes these arguments. Run:
by the tests that RUN_BY names, and the ones that need nothing else, here.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from host_tests.test_docs import blocks
from tools.__main__ import main
from tools.commands import COMMANDS
from tools.shared.paths import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
# What stands for something in a command, and an example of it.
STANDS_FOR = {
    "<ID>": "RPI_PICO_W", "BOARD=...": "BOARD=PYBV11", "=...": "=/dev/ttyUSB0",
    "/path/to/": "", "/media/you/": "",
}  # fmt: skip
FOLDERS = ("micropython", "PYBFLASH")
RUN_BY = {
    "battery": "test_battery.py",
    "bridge": "test_serial_node.py", "broker": "test_sim.py", "build": "test_build.py",
    "collect": "backend/test_backend_page.py", "query": "backend/test_query.py",
    "user": "backend/test_page_api.py", "check": "test_check.py",
    "calibrate": "test_calibrate.py",
    "clean": "test_petrel.py", "config": "test_config_afar.py",
    "conformance": "test_conformance.py",
    "demo": "test_demo.py", "deploy": "test_deploy.py", "docs": "", "doctor": "test_doctor.py",
    "faults": "test_faults.py",
    "fuzz": "test_fuzz.py", "help": "", "logs": "test_logs.py",
    "monitor": "test_monitor.py", "node": "test_rpi.py", "play": "test_play.py",
    "fleet": "test_fleet.py", "keys": "test_keys.py", "offer": "test_offer.py",
    "provision": "test_provision.py",
    "reference": "test_generated.py", "release": "test_release.py", "repl": "test_repl.py",
    "send": "test_send.py", "setup": "test_setup.py", "sim": "test_sim.py",
    "soak": "test_soak.py", "usb": "test_deploy.py", "web": "test_web.py",
    "wiring": "test_wiring.py",
}  # fmt: skip
# Whose tests use a model of a board, because the thing itself needs one.
NEEDS_A_BOARD = {"flash": "test_flash.py", "deploy": "test_deploy.py", "bridge": "test_serial.py"}
TAKES_LONG = {
    "bench-backend": "minutes; host_tests/backend/bench.py",
    "simulate": "runs until it is stopped; host_tests/backend/trial.py",
    "soak-backend": "minutes; host_tests/backend/soak.py",
    "test-page": "needs a browser; host_tests/browser",
    "bench": "half an hour; test_budgets.py runs a part of it",
    "cortex": "needs QEMU and a firmware; host_tests/emulated",
    "distclean": "removes the tools that the tests run with",
    "firmware": "needs a cross compiler and MicroPython's sources; host_tests/emulated runs it",
    "heap": "a minute; test_heap.py reads what it measured",
    "interop": "six brokers; host_tests/interop",
    "lint": "a minute; run before each push, and by CI",
    "test": "is this",
    "test-clusters": "fetches NATS and RabbitMQ; host_tests/clusters",
    "test-sleep": "a quarter of an hour; test_sleep.py has a short form",
    "test-powercut": "minutes; without it host_tests/device/test_powercut_update.py is shorter",
    "test-timescale": "fetches TimescaleDB; host_tests/backend",
    "test-azure": "fetches azure-iot-device; host_tests/azure",
    "test-aws": "fetches moto; host_tests/aws",
    "test-node-red": "fetches Node-RED; host_tests/nodered",
    "test-emulated": "a quarter of an hour; host_tests/emulated",
    "test-homeassistant": "fetches a Home Assistant; host_tests/homeassistant",
}  # fmt: skip


def shown() -> dict[str, str]:
    """Every command that begins with make or petrel, and the first page that shows it."""
    found: dict[str, str] = {}
    begin = r"(?:\.venv/bin/)?(?:make|petrel)(?= +(?:--)?[a-z])"
    for page in PAGES:
        text = page.read_text()
        for line in re.findall(rf"^    ({begin}[^#\n]*)", text, re.M):
            for part in line.split("&&"):
                found.setdefault(re.split(r" {2,}(?![A-Z])", part.strip())[0], page.name)
        for span in re.findall(rf"`({begin}[^`\n]*)`", text):
            found.setdefault(span.partition("\\|")[0].strip(), page.name)
    found.pop("make setup DEBIAN_MIRROR=", None)  # the reader adds an address
    return found


SHOWN = shown()


def lines(command: str) -> list[str]:
    """The command lines that make would run for it."""
    for name, example in STANDS_FOR.items():
        command = command.replace(name, example)
    if not command.startswith("make"):
        return [command]
    done = subprocess.run(
        [*shlex.split(command), "-n"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_there_are_many() -> None:
    assert len(SHOWN) > 60


@pytest.mark.parametrize("command", SHOWN)
def test_what_is_shown_is_understood(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in lines(command):
        if line.startswith(("petrel ", ".venv/bin/petrel ")):
            understood(shlex.split(line)[1:])
        elif line.startswith(".venv/bin/python -m tools "):
            understood(shlex.split(line)[3:])


def understood(arguments: list[str]) -> None:
    """Raise a ClickException unless a command takes these arguments; the files are made up."""
    for each in arguments:
        if each.startswith(("host_tests/", "docs/")):
            if "tilt" not in each:  # which the reader is to write
                assert (ROOT / each).exists(), each
        elif re.fullmatch(r"[\w /-]+\.(json|pem|bin|toml)", each):
            Path(each).parent.mkdir(exist_ok=True)
            Path(each).touch()
    for folder in FOLDERS:
        Path(folder).mkdir(exist_ok=True)
    if len(arguments) == 1:  # a command's name, in a sentence
        assert arguments[0].startswith("-") or arguments[0] in COMMANDS, arguments
        return
    with contextlib.suppress(click.exceptions.Exit):  # --help
        context = main.make_context("petrel", list(arguments))
        with context:
            made = main.get_command(context, arguments[0])
            assert made, arguments
            made.make_context(arguments[0], arguments[1:], parent=context).close()


def test_each_is_run_or_it_is_said_why_not() -> None:
    targets = {re.split(r" +", command)[1] for command in SHOWN if command.startswith("make")}
    known = {*RUN_BY, *NEEDS_A_BOARD, *TAKES_LONG}
    assert targets - known == set(), "run it in a test, and name the test above"
    for name, file in {**RUN_BY, **NEEDS_A_BOARD}.items():
        if file:
            text = (ROOT / "host_tests" / file).read_text()
            assert re.search(rf"\b{name}\b", text), f"{file} doesn't run {name}"


@pytest.mark.parametrize("page", ["esp32", "esp8266", "pyboard", "pico-w"])
def test_what_needs_no_board_of_a_start_is_run(page: str, tmp_path: Path) -> None:
    """check, wiring, and what flash says without a board, with the config of the page."""
    config = tmp_path / "my.json"
    path = ROOT / "docs" / "start" / f"{page}.md"
    config.write_text(blocks(path, "json")[0])
    ran = 0
    for command in re.findall(
        r"^    (make (?:check|wiring|usb)\b[^#\n]*)", path.read_text(), re.M
    ):
        words = shlex.split(command.replace("my.json", str(config)))
        if words[1] == "usb":
            words = [*(word for word in words if not word.startswith("TO=")), f"TO={tmp_path}/usb"]
            (tmp_path / "usb").mkdir(exist_ok=True)
        if words[1] == "wiring":
            words.append(f"OUT={tmp_path}/wiring.svg")
        done = subprocess.run(
            [*words, "-o", "setup-host"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        ran += 1
    assert ran >= 1


def test_the_steps_of_a_pyboard_are_printed() -> None:
    done = subprocess.run(
        ["make", "-s", "flash", "BOARD=PYBV11", "-o", "setup-host"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "DFU" in done.stdout, done.stdout + done.stderr


def test_help_lists_every_command_of_the_makefile() -> None:
    done = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True)
    for target in {re.split(r" +", each)[1] for each in SHOWN if each.startswith("make")}:
        assert re.search(rf"^  make {target} ", done.stdout, re.M) or target == "help", target
