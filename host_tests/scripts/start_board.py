# Starts a board as MicroPython's firmware does: the ROMFS, boot.py, main.py, the REPL. The current
# folder is its file system. Arguments: the file that is the flash of its ROMFS; a folder with what
# a firmware has in it, host_tests/rom.
import sys

import vfs

sys.path[:] = [sys.argv[2], "", ".frozen"]
try:
    with open(sys.argv[1], "rb") as file:
        vfs.mount(vfs.VfsRom(file.read()), "/rom")
    sys.path += ["/rom", "/rom/lib"]
except OSError:
    pass  # there is none, or nothing valid in it
sys.path.append("lib")
for name in ("boot.py", "main.py"):
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        continue
    try:
        exec(source, {})
    except KeyboardInterrupt:
        break
print(">>>")
