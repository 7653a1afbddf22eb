"""Programs from Debian's archive, unpacked into a folder: no root, no change to the system.

A private apt configuration stands beside the system's: its own sources, lists and cache. Only the
mirror and the keys are the system's. A program is started by its own dynamic loader with its own
libraries, so that it runs whatever the system's are. Standard library only: set-up comes first.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tools.shared.errors import ToolError

KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
ON_OTHERS = (
    "install the package debian-archive-keyring and name a mirror of Debian's archive: "
    "make setup DEBIAN_MIRROR=http://..."
)
LOADERS = {
    "amd64": ("x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    "i386": ("i386-linux-gnu", "ld-linux.so.2"),
    "arm64": ("aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
    "armhf": ("arm-linux-gnueabihf", "ld-linux-armhf.so.3"),
}
WRAPPER = """#!/bin/sh
# Starts {program} with the libraries it was built for.
here=$(dirname "$(readlink -f "$0")")/../{tree}
exec "$here/usr/lib/{triplet}/{loader}" --argv0 {name} \\
    --library-path "$here/usr/lib/{triplet}:$here/lib/{triplet}" "$here/{program}" "$@"
"""


def available() -> bool:
    """True where Debian's tools are: on Debian and what is made from it."""
    return all(shutil.which(program) for program in ("dpkg", "dpkg-deb", "apt-get", "apt-cache"))


def architecture() -> str:
    """This machine's Debian architecture."""
    return _run(["dpkg", "--print-architecture"]).strip()


def fetch(
    tree: Path, suite: str, arch: str, *packages: str, libraries: bool = True, leave: str = ""
) -> None:
    """Unpack packages of a suite, with the libraries they need, into the folder `tree`.

    suite: a name such as "trixie"; arch: Debian's name of an architecture, of this machine or one
    that it runs; leave: a regular expression, files whose path it is found in are left out. What
    stood in `tree` is replaced when all is there. Raises ToolError.
    """
    with tempfile.TemporaryDirectory(prefix="petrel-apt-") as folder:
        apt = _configure(Path(folder), suite, arch)
        _run([*apt("apt-get"), "update"])
        names = _closure(apt, *packages) if libraries else list(packages)
        debs = Path(folder) / "debs"
        debs.mkdir()
        _run([*apt("apt-get"), "download", *names], cwd=debs)
        partial = tree.with_name(tree.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for deb in sorted(debs.glob("*.deb")):
            _unpack(deb, partial, leave)
        _link_libraries(partial)
        shutil.rmtree(tree, ignore_errors=True)
        partial.rename(tree)


def fetch_source(folder: Path, suite: str, package: str, leave: str = "") -> None:
    """Unpack the source of a package as its authors published it, without Debian's changes.

    leave: as for fetch(). What stood in `folder` is replaced when all is there. Raises ToolError.
    """
    with tempfile.TemporaryDirectory(prefix="petrel-apt-") as scratch:
        apt = _configure(Path(scratch), suite, architecture(), sources=True)
        _run([*apt("apt-get"), "update"])
        _run([*apt("apt-get"), "source", "--download-only", package], cwd=Path(scratch))
        (archive,) = Path(scratch).glob("*.orig.tar.*[!c]")  # not its signature, .asc
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(archive) as tar:
            _extract(tar, partial, leave)
        shutil.rmtree(folder, ignore_errors=True)
        (top,) = partial.iterdir()
        top.rename(folder)
        partial.rmdir()


def _unpack(deb: Path, tree: Path, leave: str) -> None:
    if not leave:
        _run(["dpkg-deb", "-x", str(deb), str(tree)])
        return
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as out,
        tarfile.open(fileobj=out.stdout, mode="r|") as tar,
    ):
        _extract(tar, tree, leave)
    if out.returncode:
        raise ToolError(f"can't unpack {deb.name}", "run make setup again")


def _extract(tar: tarfile.TarFile, folder: Path, leave: str) -> None:
    for member in tar:
        if not (leave and re.search(leave, member.name)):
            tar.extract(member, folder, filter="tar")


def wrap(wrapper: Path, tree: Path, arch: str, program: str) -> None:
    """Write the script that starts a program unpacked in `tree`."""
    triplet, loader = LOADERS[arch]
    text = WRAPPER.format(
        program=program, tree=tree.name, triplet=triplet, loader=loader, name=wrapper.name
    )
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    partial = wrapper.with_name(wrapper.name + ".partial")
    partial.write_text(text)
    partial.chmod(0o755)
    partial.replace(wrapper)


class _Apt:
    """Apt's programs with a configuration of their own."""

    def __init__(self, conf: Path) -> None:
        self.conf = conf

    def __call__(self, program: str) -> list[str]:
        return ["env", f"APT_CONFIG={self.conf}", program, "-q"]


def _configure(folder: Path, suite: str, arch: str, sources: bool = False) -> _Apt:
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    # Packages only: other tools' hooks make apt fetch more indexes, of no use here.
    options = f"signed-by={KEYS} arch={arch} target=Packages"
    source = f"deb [{options}] {mirror()} {suite} main\n"
    if sources:
        source = f"deb-src [signed-by={KEYS}] {mirror()} {suite} main\n"
    (folder / "sources.list").write_text(source)
    conf = folder / "apt.conf"
    conf.write_text(
        f'''
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Default-Release "";
APT::Update::Error-Mode "any";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "2";
'''
    )
    return _Apt(conf)


def mirror() -> str:
    """The mirror of Debian's archive that this machine's apt uses, or that DEBIAN_MIRROR names."""
    if not KEYS.exists():
        raise ToolError(f"there are no keys for Debian's archive in {KEYS}", ON_OTHERS)
    if named := os.environ.get("DEBIAN_MIRROR"):
        return named
    release = _os_release()
    # Without the release's own facts, apt lists targets that it has not fetched yet as well.
    command = ["apt-get", "indextargets", "--no-release-info", "--format", "$(SITE) $(RELEASE)"]
    for line in _run([*command, "Created-By: Packages"]).splitlines():
        site, _, suite = line.partition(" ")
        if site.rstrip("/").endswith("/debian"):
            return site
        if release.get("ID") == "debian" and suite == release.get("VERSION_CODENAME"):
            return site  # a mirror under another name, such as a list of mirrors
    raise ToolError("this computer's apt sources name no mirror of Debian's archive", ON_OTHERS)


def _os_release() -> dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines)
    return {name: value.strip("\"'") for name, _, value in pairs}


def _closure(apt: _Apt, *packages: str) -> list[str]:
    """The packages and the libraries that they need, and that those need."""
    options = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"]
    out = _run(
        [*apt("apt-cache"), "depends", "--recurse", *[f"--no-{o}" for o in options], *packages]
    )
    names = {line.strip() for line in out.splitlines() if line and not line.startswith(" ")}
    if missing := [name for name in packages if name not in names]:
        raise ToolError(f"the archive has no package {missing[0]}", "try again later")
    libraries = {n for n in names if n.startswith("lib") and not n.startswith("libpam")}
    return sorted({*packages} | libraries)


def _link_libraries(tree: Path) -> None:
    """Make the links by which libraries are found; most packages bring theirs, some do not."""
    ldconfig = shutil.which("ldconfig", path="/sbin:/usr/sbin:/bin:/usr/bin")
    folders = [path for triplet, _ in LOADERS.values() for path in tree.glob(f"**/lib/{triplet}")]
    if ldconfig and folders:
        _run([ldconfig, "-n", *map(str, folders)])


def _run(command: list[str], cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    except FileNotFoundError as error:
        raise ToolError(
            f"{error.filename} is not installed",
            "without Debian's tools, install micropython and mosquitto yourself",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{command[0]} took more than {error.timeout:.0f} s") from error
    if done.returncode:
        said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        why = next((line for line in said if line.startswith("E: ")), "".join(said[-1:]))
        words = [word for word in command if not word.startswith(("env", "APT_CONFIG", "-"))]
        raise ToolError(
            f"{' '.join(words[:3])} failed: {why.removeprefix('E: ')}",
            "check the network, then run make setup again",
        )
    return done.stdout
