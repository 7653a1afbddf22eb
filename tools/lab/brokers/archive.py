"""Several packages of Debian's archive in one folder: for brokers of more than one package."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tools.shared.errors import ToolError
from tools.start import debian


def unpack(tree: Path, suite: str, packages: list[str]) -> None:
    """Unpack the named packages of a suite, and no others, into the folder `tree`.

    Raises ToolError; what stood in `tree` is replaced when all is there.
    """
    if not debian.available():
        raise ToolError(
            f"{packages[0]} comes from Debian's archive, and this system isn't based on Debian",
            "run this on Debian 12 or later",
        )
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="petrel-apt-") as folder:
        apt = debian._configure(Path(folder), suite, debian.architecture())
        debian._run([*apt("apt-get"), "update"])
        debs = Path(folder) / "debs"
        debs.mkdir()
        debian._run([*apt("apt-get"), "download", *packages], cwd=debs)
        partial = tree.with_name(tree.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for deb in sorted(debs.glob("*.deb")):
            debian._run(["dpkg-deb", "-x", str(deb), str(partial)])
        if (partial / "lib").exists():  # up to Debian 12 some libraries are there
            shutil.copytree(
                partial / "lib", partial / "usr" / "lib", symlinks=True, dirs_exist_ok=True
            )
            shutil.rmtree(partial / "lib")
        debian._link_libraries(partial)
        shutil.rmtree(tree, ignore_errors=True)
        partial.rename(tree)
