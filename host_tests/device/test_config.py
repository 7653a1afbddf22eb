# heap: 512K
# port
"""The config file: found, kept, saved; and a power cut at every moment of a save."""

import json
import os
import sys

import vfs

from node.commands import interval
from node.config import load as config
from node.sensor import Sensor

LONG = "x" * 255  # so that a file takes more than one block
SENSOR = {"name": "s", "driver": "digital", "pin": 1, "interval": 60}
GOOD = {"node": "n1", "mqtt": {"host": LONG, "user": LONG, "password": LONG}, "sensors": [SENSOR]}


class Flash:
    """A block device in RAM that loses its power at the n-th write, in whole or torn."""

    def __init__(self, data, size=512):
        self.size = size
        self.data = data
        self.left = -1
        self.torn = False

    def _write(self, at, buffer):
        if self.left == 0:
            if self.torn:
                half = len(buffer) // 2
                self.data[at : at + half] = buffer[:half]
                self.torn = False
            raise OSError(5)
        self.left -= 1
        self.data[at : at + len(buffer)] = buffer

    def readblocks(self, block, buffer, offset=0):
        at = block * self.size + offset
        buffer[:] = self.data[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        self._write(block * self.size + offset, buffer)

    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self.data) // self.size
        if operation == 5:
            return self.size
        if operation == 6:
            self._write(argument * self.size, b"\xff" * self.size)
            return 0


def on_flash(kind, blocks, first):
    """A file system of that kind with a good config on it: (class, its bytes)."""
    flash = Flash(bytearray(512 * blocks))
    kind.mkfs(flash)
    vfs.mount(kind(flash), "/flash")
    try:
        os.chdir("/flash")
        write("config.json", json.dumps(first))
        assert config.load()[0]["node"] == first["node"]
    finally:
        os.chdir("/")
        vfs.umount("/flash")
    return bytes(flash.data)


def mounted(kind, data, action, left=-1, torn=False):
    """Mount it, run the action with so many writes left; what it returned, and the flash."""
    flash = Flash(bytearray(data))
    vfs.mount(kind(flash), "/flash")
    os.chdir("/flash")
    flash.left = left
    flash.torn = torn
    result = None
    try:
        result = action()
    except OSError:
        pass
    finally:
        flash.left = -1
        os.chdir("/")
        vfs.umount("/flash")
    return result, flash


def sweep(kind, blocks):
    data = on_flash(kind, blocks, GOOD)
    writes = count_writes(kind, data)
    assert writes > 5
    seen = set()
    for torn in (False, True):
        for left in range(writes + 1):
            _, flash = mounted(kind, data, lambda: interval.save("s", 5), left, torn)
            found, _ = mounted(kind, flash.data, config.load)
            assert found and found[0], (left, torn, found)
            assert found[0]["mqtt"]["password"] == LONG, (left, torn)
            seen.add(found[0]["sensors"][0]["interval"])
    assert seen == {60, 5}


def count_writes(kind, data):
    flash = Flash(bytearray(data))
    vfs.mount(kind(flash), "/flash")
    os.chdir("/flash")
    flash.left = 10_000
    interval.save("s", 5)
    used = 10_000 - flash.left
    os.chdir("/")
    vfs.umount("/flash")
    return used


def test_power_cut_at_every_write_on_littlefs():
    sweep(vfs.VfsLfs2, 48)


def test_power_cut_at_every_write_on_fat():
    sweep(vfs.VfsFat, 64)


def in_ram(action):
    """Run the action in an empty file system."""
    flash = Flash(bytearray(512 * 48))
    vfs.VfsLfs2.mkfs(flash)
    return mounted(vfs.VfsLfs2, flash.data, action)[0]


def write(name, text):
    with open(name, "w") as file:
        file.write(text)


class Board:
    """The module `board` of a firmware that has a config built in."""

    ID = "X"
    PINS = ADC = ADC_NOT_WITH_WIFI = INPUT_ONLY = NO_PULL = ()
    RESERVED = STRAPPING = {}
    WIFI = False
    CONFIG = '{"mqtt": {"host": "built-in"}}'


def with_board(action):
    sys.modules["board"] = Board
    try:
        return in_ram(action)
    finally:
        sys.modules.pop("board", None)


def test_a_config_that_was_built_in_is_used_where_there_is_none():
    def action():
        first = config.load()
        assert sorted(os.listdir()) == ["config.json", "config.json.old"]
        return first, config.load()

    (found, faults, state), again = with_board(action)
    assert (found["mqtt"]["host"], faults, state) == ("built-in", [], "new")
    assert (again[0]["mqtt"]["host"], again[1], again[2]) == ("built-in", [], "")


def test_a_config_on_the_flash_goes_before_the_one_that_was_built_in():
    def action():
        write("config.json", json.dumps({"mqtt": {"host": "b"}}))
        sys.modules["board"] = Board
        first = config.load()[0]
        write("config.json", "cut sho")
        sys.modules["board"] = Board
        return first, config.load()[0]

    for found in with_board(action):
        assert found["mqtt"]["host"] == "b"


def test_defaults_are_filled_in():
    def action():
        write("config.json", json.dumps({"mqtt": {"host": "b"}}))
        return config.load()

    found, faults, state = in_ram(action)
    assert faults == [] and state == "new"
    assert found["base"] == "petrel"
    assert found["mqtt"] == {"host": "b", "keepalive": 60}
    assert found["node"].startswith("petrel-")
    assert found["queue"] == 32 and found["diagnostics"] == 300 and found["sensors"] == []


def test_bad_config_falls_back_to_the_last_good_one():
    def action():
        write("config.json", json.dumps(GOOD))
        config.load()
        results = []
        for text in ("", '{"mqtt": ', "[]", json.dumps({"mqtt": {"host": 1}}), "x" * 5000):
            write("config.json", text)
            results.append(config.load())
        os.remove("config.json")
        results.append(config.load())
        return results

    results = in_ram(action)
    assert len(results) == 6
    for found, faults, state in results:
        assert found["node"] == "n1"
        assert state == ""
        assert faults[0].startswith(("config.json: ", "mqtt")), faults
        assert "config.json.old" in faults[-1]


def test_without_a_good_copy_bad_sensors_leave_the_connection():
    def action():
        write("config.json", json.dumps({"mqtt": {"host": "b"}, "sensors": [{}]}))
        return config.load()

    found, faults, state = in_ram(action)
    assert state == "degraded"
    assert found["sensors"] == []
    assert faults[0].startswith("sensors[0]")


def test_nothing_usable_is_none():
    found, faults, state = in_ram(config.load)
    assert found is None and state == ""
    assert faults == ["config.json: there is none that can be read. Copy one to the board."]


def test_a_config_that_was_good_is_not_checked_again():
    import sys

    def action():
        write("config.json", json.dumps(GOOD))
        config.load()
        node = sys.modules["node"]
        assert not hasattr(node, "schema")
        sys.modules["node.config.schema"] = None  # importing it would fail now
        try:
            return config.load()
        finally:
            del sys.modules["node.config.schema"]

    found, faults, state = in_ram(action)
    assert (found["node"], faults, state) == ("n1", [], "")


def test_interval_is_set_in_the_file():
    class Prefixed:
        prefix = "n/"

    class Node:
        faulty = False
        sensors = [
            Sensor(Prefixed, "s", "digital"),
            Sensor(Prefixed, "other", "digital"),
        ]

    def order(name):
        return interval.change(Node, json.dumps({"sensor": name, "seconds": 5}))

    def action():
        write("config.json", json.dumps(
            {"mqtt": {"host": "b"}, "sensors": [{"name": "s", "driver": "digital", "pin": 1}]}
        ))  # fmt: skip
        try:
            order("other")
            raise AssertionError
        except ValueError as error:
            assert "not saved" in str(error)
        assert order("s")["saved"]
        return config.load()

    assert in_ram(action)[0]["sensors"][0]["interval"] == 5
    assert [each.interval for each in Node.sensors] == [
        5000,
        0,
    ]  # what was not saved, was not changed


def test_a_change_leaves_the_rest_of_the_file_as_it_was():
    odd = r"""{"wifi": {"ssid": "a \"] } [{ \\"}, "mqtt": {"host": ["a", "b"]},
      "sensors": [
        {"name": "a", "points": [0, 1, 2, 3], "driver": "x", "unit": "\\"},
        {"name": "s\u0041", "interval": 7}, {"name": "z", "unit": "}\"{"}
      ], "other": {"list": [{"name": "sA"}]}}"""

    def action():
        write("config.json", odd)
        interval.save("sA", 0.5)
        with open("config.json") as file:
            return file.read()

    before, after = odd.split(r'{"name": "s\u0041", "interval": 7}')
    text = in_ram(action)
    assert text.startswith(before) and text.endswith(after), text
    changed = json.loads(text[len(before) : len(text) - len(after)])
    assert changed == {"name": "sA", "interval": 0.5}


def test_an_address_may_be_text_for_json_has_no_hexadecimal_numbers():
    def action():
        sensor = {"name": "s", "driver": "bme280", "sda": 1, "scl": 2, "address": "0x77"}
        write("config.json", json.dumps({"mqtt": {"host": "b"}, "sensors": [sensor]}))
        return config.load(), config.load()

    for found, faults, _ in in_ram(action):
        assert (found["sensors"][0]["address"], faults) == (0x77, [])


def test_a_byte_order_mark_and_lines_of_windows_are_read_over():
    def action():
        with open("config.json", "wb") as file:
            file.write(b'\xef\xbb\xbf{\r\n"mqtt": {"host": "b"}\r\n}\r\n')
        return config.load(), config.load()

    first, second = in_ram(action)
    assert (first[0]["mqtt"]["host"], first[1], first[2]) == ("b", [], "new")
    assert (second[0]["mqtt"]["host"], second[1], second[2]) == ("b", [], "")


def test_another_wifi_is_saved_without_what_holds_for_the_former_one():
    from node.provision.save import save

    fixed = {"address": "10.0.0.9", "mask": "255.0.0.0", "gateway": "10.0.0.1"}
    former = {"ssid": "home", "password": "a password", "bssid": "aa:bb:cc:dd:ee:ff"}
    former.update(fixed, country="DE")

    def after(wifi, ssid):
        def action():
            write("config.json", json.dumps({"mqtt": {"host": "b"}, "wifi": wifi}))
            save(ssid, "another one")
            with open("config.json") as file:
                return json.loads(file.read())["wifi"]

        return in_ram(action)

    new = {"ssid": "shed", "password": "another one"}
    assert after(former, "shed") == dict(new, country="DE")
    assert after(former, "home") == dict(former, password="another one")
    assert after(fixed, "shed") == dict(new, **fixed)
    assert after([former], "shed") == new
