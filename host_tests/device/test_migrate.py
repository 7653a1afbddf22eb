# The config that comes with an update, brought into its form: whatever write the power is cut at.
# heap: 1000K
# port
import json
import os

import stage
import vfs
from disk import fresh
from test_powercut import each_cut
from updates import put

from node.config import migrate

OLD = b'{"node": "n", "period": 5}'
NEW = {"node": "n", "seconds": 5, "ms": 5000}


def renamed(config):
    config["seconds"] = config.pop("period")


def more(config):
    config["ms"] = config["seconds"] * 1000


def board(format):
    stage.state[:] = ["-", "a", "2", "0"]
    put("config.json", OLD)
    put("update/config.json", OLD)
    put("update/format", format)
    migrate.FORMAT, migrate.STEPS = 3, (renamed, more)


def made():
    """A start of the new slot makes it, and no later one makes it again."""
    migrate.migrate()
    with open("config.json") as file:
        assert json.load(file) == NEW
    with open("update/config.json", "rb") as file:
        assert file.read() == OLD
    put("config.json", b"{}")
    migrate.migrate()
    assert os.stat("config.json")[6] == 2


def sweep(kind):
    with fresh(kind, 160) as disk:
        board(b"1")
        before = bytes(disk.data)
        disk.log = []
        migrate.migrate()
        log, disk.log = disk.log, None
    assert len(log) > 2
    each_cut(kind, before, log, lambda index, torn: after_a_cut())


def after_a_cut():
    if "format" in os.listdir("update"):
        made()
    else:
        with open("config.json") as file:
            assert json.load(file) == NEW


# fault: power-cut
def test_a_power_cut_on_littlefs():
    sweep(vfs.VfsLfs2)


# fault: power-cut
def test_a_power_cut_on_fat():
    sweep(vfs.VfsFat)


def test_only_the_steps_that_are_missing_are_taken():
    with fresh(vfs.VfsLfs2, 160):
        board(b"2")
        put("update/config.json", b'{"seconds": 2}')
        migrate.migrate()
        with open("config.json") as file:
            assert json.load(file) == {"seconds": 2, "ms": 2000}


def test_a_config_that_is_newer_than_the_release_ends_the_trial():
    with fresh(vfs.VfsLfs2, 160):
        board(b"4")
        try:
            migrate.migrate()
            raise AssertionError
        except ValueError as error:
            assert "format 4" in str(error), error
        assert stage.state[2] == "0"
        with open("config.json", "rb") as file:
            assert file.read() == OLD


def test_what_is_noted_is_the_format_of_this_code():
    with fresh(vfs.VfsLfs2, 160):
        board(b"1")
        migrate.note()
        migrate.migrate()
        with open("config.json", "rb") as file:
            assert file.read() == OLD
        assert "format" not in os.listdir("update")
