"""`petrel`: what make can do, in the same groups, with help and completion, from any folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tools import __main__ as petrel
from tools import cli
from tools.commands import COMMANDS, GROUPS
from tools.make import mip
from tools.shared.boards import names
from tools.shared.paths import ROOT, VENV
from tools.start import bootstrap

PETREL = str(VENV / "bin" / "petrel")
MAKEFILE = (ROOT / "Makefile").read_text()
# What make does with rm and the system's Python, since there may be no .venv yet.
BEFORE_SET_UP = {"setup": "setup", "clean": "clean", "distclean": "clean"}
ONLY_IN_A_SHELL = {"completion"}


def _targets() -> dict[str, tuple[str, str, str]]:
    """For each target that make help lists: its group, what it needs first, and its recipe."""
    found = {}
    group = ""
    for line in re.split(r"\n(?=[a-z#])", MAKEFILE):
        if line.startswith("##@ "):
            group = line.splitlines()[0][4:]
        elif target := re.match(r"([a-z-]+):(.*?)##.*\n((?:\t.*\n?)*)", line):
            found[target[1]] = (group, target[2].strip(), target[3])
    del found["help"]
    return found


TARGETS = _targets()


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_is_a_command_in_the_same_group_with_the_same_set_up(target: str) -> None:
    group, first, recipe = TARGETS[target]
    name = BEFORE_SET_UP.get(target, target)
    assert name in GROUPS[group]
    if target not in BEFORE_SET_UP:
        assert re.match(rf"\t@\$\(RUN\) {name}\b.*\n*$", recipe), "more than one call of petrel"
        level = COMMANDS[name].level
        level = level or "host"  # of a command that a package alone can run
        assert first == ("setup" if level == "test" else f"setup-{level}")


def test_no_command_lacks_its_target() -> None:
    assert COMMANDS.keys() - ONLY_IN_A_SHELL == {BEFORE_SET_UP.get(each, each) for each in TARGETS}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str) -> None:
    command = petrel.main.get_command(click.Context(petrel.main), name)
    assert command and command.help
    assert len(COMMANDS[name].words) <= 60, "it would take two lines of the list"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name}: {parameter.opts[0]} isn't explained"


def completed(*words: str) -> list[str]:
    """What bash would offer for the last of the words."""
    environment = {
        **os.environ,
        "_PETREL_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("petrel", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run([PETREL], env=environment, capture_output=True, text=True)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_a_shell_completes_commands_options_and_boards() -> None:
    assert completed("fl") == ["flash", "fleet"]
    assert completed("check", "esp8") == ["ESP8266_GENERIC"]
    assert completed("flash", "") == names()
    assert "--firmware" in completed("flash", "--")


def complete_in(before: str, words: list[str], after: str = "") -> str:
    """Complete in a fresh Python, with code before and after it; what is printed."""
    code = (
        f"import sys; {before}\n"
        "from click.shell_completion import ShellComplete\n"
        "from tools.__main__ import main\n"
        f"found = ShellComplete(main, {{}}, 'petrel', 'X').get_completions({words!r}, '')\n"
        f"print(*[each.value for each in found])\n{after}"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_completion_loads_no_command_that_is_not_typed() -> None:
    """So the Tab key answers at once, and before everything is set up."""
    loaded = "print([each for each in ('pytest', 'textual', 'esptool') if each in sys.modules])"
    assert complete_in("", [], loaded) == f"{' '.join(COMMANDS)}\n[]\n"


def test_completion_offers_nothing_where_a_package_is_missing() -> None:
    assert complete_in("sys.modules['pytest'] = None", ["faults"]) == "\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_the_shell_reads(shell: str) -> None:
    done = subprocess.run([PETREL, "completion", shell], capture_output=True, text=True)
    assert "_PETREL_COMPLETE" in done.stdout and done.returncode == 0, done.stderr


def test_it_works_from_any_folder_with_paths_that_have_spaces(tmp_path: Path) -> None:
    here = tmp_path / "a folder"
    (here / "tools").mkdir(parents=True)  # not ours
    (here / "tools" / "__init__.py").write_text("raise SystemExit('the wrong tools')")
    sensor = {"name": "door", "driver": "digital", "pin": "X1", "pull": "up"}
    (here / "my config.json").write_text(
        json.dumps({"mqtt": {"serial": "usb"}, "sensors": [sensor]})
    )
    (here / "petrel").symlink_to(PETREL)
    done = subprocess.run(
        ["./petrel", "check", "PYBV11", "my config.json"], cwd=here, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "good for PYBV11\n"


def test_in_another_environment_it_goes_on_in_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def execv(path: Path, arguments: list[str]) -> None:
        ran.append(arguments)
        raise SystemExit

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["petrel", "check", "a b"])
    with pytest.raises(SystemExit):
        petrel.run()
    assert ran == [[PETREL, "check", "a b"]]


def test_what_a_command_needs_is_set_up_before_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def main(level: str) -> int:
        asked.append(level)
        return 1

    monkeypatch.setattr(bootstrap, "main", main)
    for arguments in (["play", "--help"], ["completion", "bash"]):
        petrel.main.main(arguments, standalone_mode=False)
    assert asked == []
    with pytest.raises(SystemExit):
        petrel.main.main(["play"], standalone_mode=False)
    assert asked == ["demo"]


def test_an_unknown_command_is_refused_with_what_was_meant() -> None:
    done = subprocess.run([PETREL, "flsh"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: there is no command 'flsh'", "  Did you mean flash? See petrel --help."
    ]  # fmt: skip


def _shown() -> list[tuple[str, str]]:
    """(page, command line) of each petrel that the documentation shows."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    pattern = r"(?:^    |`|bin/)petrel ([a-z][a-z-]*(?: [^`\n]*)?)"
    return [
        (page.name, line.replace("\\|", "|").partition(" | ")[0])
        for page in pages
        for line in re.findall(pattern, page.read_text(), re.M)
    ]


def test_every_command_that_the_pages_show_is_one() -> None:
    shown = _shown()
    assert len(shown) > 8
    for page, line in shown:
        name, *arguments = shlex.split(line, comments=True)
        command = petrel.main.get_command(click.Context(petrel.main), name)
        assert command, f"{page}: petrel {line}"
        try:
            if "--help" not in arguments:
                command.make_context(name, arguments)
        except click.MissingParameter:
            raise
        except click.exceptions.NoArgsIsHelpError:
            pass  # a command that has commands is named
        except click.BadParameter:
            pass  # a file that is not here


@pytest.mark.parametrize(
    ("made", "typed"),
    [
        ("choose one with PORT=", "choose one with --port"),
        ("PORT=/dev/ttyUSB0 (COM3 ...).", "--port /dev/ttyUSB0 (COM3 ...)."),
        ("Name it: make flash BOARD=ESP32_GENERIC.", "Name it: petrel flash ESP32_GENERIC."),
        ("make setup DEBIAN_MIRROR=http://...", "make setup DEBIAN_MIRROR=http://..."),
        ("make check CONFIG=a.json says more", "petrel check BOARD a.json says more"),
        ("say HOST=broker or HOST=broker:1883", "say --host broker or --host broker:1883"),
        ("pass FIRMWARE=file, or its address.", "pass --firmware file, or its address."),
        ("Run the tests again.", "Run the tests again."),
        ("Make one: petrel keys make main", "Make one: petrel keys make main"),
    ],
)  # fmt: skip
def test_advice_is_given_in_the_words_of_petrel(made: str, typed: str) -> None:
    assert cli.as_petrel(made) == typed


def test_the_advice_fits_what_was_typed() -> None:
    arguments = ["flash", "ESP32_GENERIC", "--port", "/dev/none", "--firmware", "no such file"]
    typed = subprocess.run([PETREL, *arguments], capture_output=True, text=True)
    made = subprocess.run(
        [sys.executable, "-m", "tools", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert "--firmware file" in typed.stderr and "FIRMWARE=file" in made.stderr


def test_it_tells_its_version() -> None:
    done = subprocess.run([PETREL, "--version"], capture_output=True, text=True)
    assert done.stdout == f"petrel {mip.version()}\n"
