# What survives a reset, on ports that differ in what they keep it in; and on none that works.
# heap: 256K
import os

from node.app import Node
from node.health import backup, ending, retained


class Machine:
    """A port with neither memory: a file has to do."""


class Backup:
    """machine.mem_backup()'s memory: on ESP32 an assignment to a slice of it resets the chip."""

    def __init__(self, length, itemsize):
        self.itemsize = itemsize
        self.items = [0x5A for _ in range(length)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        # Word for word, and signed, as machine.mem32 has it.
        item = self.items[index]
        return item - (1 << 32) if self.itemsize == 4 and item >> 31 else item

    def __setitem__(self, index, value):
        assert isinstance(index, int), "a slice"
        assert 0 <= value < 1 << 8 * self.itemsize
        self.items[index] = value


def with_backup(length, itemsize):
    class Newer:
        def mem_backup(self, memory=Backup(length, itemsize)):  # noqa: B008
            return memory

        def RTC(self):
            raise AssertionError("never both")

    retained.machine = backup.machine = Newer()


def without_memory():
    retained.machine = Machine()


def test_mem_backup_is_used_where_there_is_one_however_wide_it_is():
    for length, itemsize in ((2048, 1), (4096, 1), (1024, 4)):
        with_backup(length, itemsize)
        assert retained.load() == (0, 0, "")  # nothing was ever written there
        assert retained.begun() == (0, 0, "")
        retained.ended("", "ValueError: a bug é", "")
        assert retained.load() == (1, 0, "ValueError: a bug é")


def test_a_small_memory_holds_the_counts_and_the_begin_of_the_reason():
    for length, itemsize in ((4, 4), (16, 1)):
        with_backup(length, itemsize)
        retained.store(2, "MemoryError: no memory", 7)
        assert retained.load() == (2, 7, "MemoryError:")


def test_a_file_where_there_is_no_memory():
    without_memory()
    assert retained.begun() == (0, 0, "")
    assert retained.begun()[0] == 1
    retained.store(0)
    assert retained.load() == (0, 0, "")
    os.remove("crash.txt")


def test_where_nothing_can_be_kept_nothing_is_raised_and_restarts_pause_all_the_same():
    without_memory()
    os.mkdir("crash.txt")  # it can be neither read nor written
    try:
        assert retained.begun() == (0, 0, "")
        assert retained.ended("", "a crash") == 60
        assert retained.ended("reboot", "") == 1
        assert retained.load() == (0, 0, "")
    finally:
        os.rmdir("crash.txt")


def test_restarts_pause_longer_and_longer_up_to_five_minutes_in_safe_mode_too():
    with_backup(2048, 1)
    pauses = []
    for _ in range(12):
        retained.begun()
        pauses.append(retained.ended("", "a crash"))
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300], pauses
    retained.begun()
    assert retained.ended("reboot", "") == 1
    for wanted in (1, 2, 4):
        retained.begun()
        assert retained.ended("no connection", "", "no connection") == wanted


def test_after_safe_mode_one_more_crash_leads_back_to_it():
    with_backup(2048, 1)
    for _ in range(3):
        retained.begun()
        retained.ended("", "a crash")
    assert retained.begun()[0] == 3  # safe mode
    assert retained.ended("safe mode is over", "") == 1
    assert retained.begun()[0] == 2
    retained.ended("", "a crash")
    assert retained.begun()[0] == 3
    retained.store(0)
    retained.begun()  # safe mode for a config that is wrong: there was no crash
    retained.ended("safe mode is over", "")
    assert retained.begun()[0] == 0


def test_a_crash_after_good_work_is_the_first_in_a_row():
    with_backup(2048, 1)
    node = Node("petrel/n/", 300, {}, False)
    called = ending.call
    ending.call = lambda folder, module, function, *arguments: (
        getattr(retained, function)(*arguments) if module == "retained" else "a bug"
    )
    try:
        for _ in range(3):
            retained.begun()
            retained.store(0, "")  # as a node that has run well does
            node.proven = True
            ended, crashed, gave_up, _, _ = ending.of(node, RuntimeError("a bug"))
            assert retained.ended(ended, crashed, gave_up) == 1
            assert retained.load()[0] == 1
    finally:
        ending.call = called
