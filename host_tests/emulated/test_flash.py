"""The power goes in the middle of a save: MicroPython's littlefs on the emulated flash chip."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.emulated.rig import PicoRig
from tools.lab.emulator import Pico

# A config of some size, so that littlefs gives its files blocks of their own.
CONFIG = """
from json import dumps
from node.config.load import write
pins = [{"name": "door-number-%d" % pin, "driver": "digital", "pin": pin} for pin in range(16)]
def config(host):
    return {"node": "n1", "mqtt": {"host": host}, "sensors": pins}
def save(config):
    write("config.json", dumps(config))
"""
SAVE = f"""{CONFIG}
tell("saving")
save(config("new"))
save(config("newer"))
tell("saved")
"""
LOAD = """
from node.config.load import load
tell(load()[0]["mqtt"]["host"])
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, frozen: Path) -> tuple[Path, int]:
    """A flash chip with a good config on it, and how many operations two more saves take."""
    chip = tmp_path_factory.mktemp("flash") / "before.bin"
    with Pico(frozen, chip) as pico:
        pico.power_on()
        with PicoRig(pico) as rig:
            rig.run(f"{CONFIG}\nsave(config('older'))\nsave(config('old'))")
        pico.power_off()
        kept = chip.read_bytes()
        pico.power_on()
        with PicoRig(pico) as rig:
            rig.run("pass")
            begun = pico.operations
            assert rig.run(SAVE) == ["saving", "saved"]
        taken = pico.operations - begun
    chip.write_bytes(kept)
    return chip, taken


def cut_and_look(frozen: Path, before: Path, chip: Path, at: int, torn: float) -> str:
    """The host of the config that a board has whose power went in that operation of a save."""
    shutil.copy(before, chip)
    with Pico(frozen, chip) as pico:
        pico.power_on()
        with PicoRig(pico) as rig:
            rig.run("pass")
            pico.cut(at, torn)
            rig.begin(SAVE, '"saving"')
            pico.wait("cut")
        pico.power_on()
        with PicoRig(pico) as rig:
            (found,) = rig.run(LOAD)
    return str(found)


def sweep(frozen: Path, before: tuple[Path, int], chip: Path, step: int, torn: float) -> None:
    """After a cut in any operation there is one of the configs; a later cut never an older one."""
    good, taken = before
    found = [cut_and_look(frozen, good, chip, at, torn) for at in range(1, taken + 1, step)]
    order = ["old", "new", "newer"]
    places = [order.index(host) for host in found]
    assert places == sorted(places), found
    assert places[0] == 0 and 1 in places, found
    print(f"{taken} operations of the flash, cut in {len(found)} of them: {found}")


def test_a_config_is_there_whenever_the_power_goes(
    frozen: Path, before: tuple[Path, int], tmp_path: Path
) -> None:
    """Every third operation, half done; all of them in the next one."""
    sweep(frozen, before, tmp_path / "flash.bin", 3, 0.5)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("torn", [0.0, 0.5, 0.99])
def test_a_config_is_there_after_a_cut_in_every_operation_of_the_flash(
    frozen: Path, before: tuple[Path, int], tmp_path: Path, torn: float
) -> None:
    """Each operation: not begun, half done, and all but done."""
    assert before[1] >= 16
    sweep(frozen, before, tmp_path / "flash.bin", 1, torn)


def test_what_was_counted_survives_a_power_cut(frozen: Path, tmp_path: Path) -> None:
    """A counter's total on littlefs, the power cut in the middle of its fifth writing."""
    chip = tmp_path / "flash.bin"
    code = """
s = make("pulse", pin=15, keep="rain")
for count in range(1, 9):
    s._count = count * 100
    tell(count * 100)
    s.close()
"""
    with Pico(frozen, chip) as pico:
        pico.power_on()
        with PicoRig(pico) as rig:
            rig.run("pass")
            rig.begin(code, "400")
            pico.cut(3)
            pico.wait("cut")
        pico.power_on()
        with PicoRig(pico) as rig:
            (total,) = rig.run('s = make("pulse", pin=15, keep="rain")\ntell(s._count)')
    assert total in range(300, 900, 100)


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path: Path) -> Iterator[None]:
    yield
    (tmp_path / "flash.bin").unlink(missing_ok=True)  # 2 MB each
