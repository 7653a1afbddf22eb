# The outbox on flash: kept, in order, over restarts; on littlefs and on FAT.
# heap: 900K
import gc
import os

import vfs
from disk import Disk, Mounted, fresh, payloads
from wire import CONNACK, CONNACK_PRESENT, Wire

from mqtt.durable import Durable
from mqtt.engine.journal import Journal

KINDS = (vfs.VfsLfs2, vfs.VfsFat)


def on_each(test):
    """Run a test on each kind of file system."""

    def run():
        for kind in KINDS:
            with fresh(kind):
                test()

    return run


def opened(limit=8, segment=512, reserve=2048, **options):
    return Durable("outbox", limit, segment=segment, reserve=reserve, **options)


def stored_now():
    """The payloads on the flash, in order; nothing is changed by looking."""
    journal = Journal("outbox", segment=512)
    found = []
    while journal.unread < journal.next:
        message = journal.read()
        if message:
            found.append(message[1])
    return found


def put(outbox, first, last, flags=2):
    return [outbox.put("t/1", b"%d" % i, flags) for i in range(first, last)]


@on_each
def test_messages_come_back_in_order_after_a_restart():
    assert put(opened(), 0, 50) == list(range(50))
    assert payloads(opened()) == [b"%d" % i for i in range(50)]


@on_each
def test_topic_payload_and_flags_come_back():
    outbox = opened()
    outbox.put("küche/x", b"\x00\xff" * 40, 5)
    outbox.put(b"b", b"", 2)
    again = opened()
    again.get(0)
    assert (bytes(again.topic), bytes(again.payload), again.flags) == (
        "küche/x".encode(), b"\x00\xff" * 40, 5,
    )  # fmt: skip
    again.get(1)
    assert (bytes(again.topic), bytes(again.payload)) == (b"b", b"")


@on_each
def test_what_was_acknowledged_does_not_come_back_but_for_a_few():
    outbox = opened()
    put(outbox, 0, 40)
    for _ in range(25):
        outbox.pop()
    left = payloads(opened())
    assert left[-15:] == [b"%d" % i for i in range(25, 40)]
    assert len(left) <= 15 + 8
    outbox = opened()
    put(outbox, 40, 41)  # each new message tells how far we are
    for _ in range(outbox.waiting() - 1):
        outbox.pop()
    put(outbox, 41, 42)
    assert payloads(opened()) == [b"40", b"41"]


@on_each
def test_close_tells_all():
    outbox = opened()
    put(outbox, 0, 5)
    for _ in range(5):
        outbox.pop()
    outbox.close()
    assert opened().count == 0


@on_each
def test_segments_are_removed_when_done_and_numbers_go_on():
    outbox = opened()
    for i in range(300):
        assert outbox.put("t", b"%d" % i, 2) == i
        outbox.pop()
        assert len(os.listdir("outbox")) <= 2
    assert opened().removed in range(292, 301)


# fault: flash-full
@on_each
def test_full_refuses_counts_and_takes_again_when_there_is_room():
    outbox = opened(segments=3)
    taken = [number for number in put(outbox, 0, 200) if number is not None]
    assert 40 < len(taken) < 90 and outbox.refused == 200 - len(taken)
    assert taken == list(range(len(taken)))
    assert len(os.listdir("outbox")) == 3
    for _ in range(len(taken) // 2):
        outbox.pop()
    assert outbox.put("t/1", b"new", 2) is not None
    left = payloads(opened(segments=3))
    assert left[-1] == b"new"
    expected = [b"%d" % i for i in range(len(taken) // 2, len(taken))]
    assert left[-1 - len(expected) : -1] == expected


# fault: flash-full
def test_a_full_flash_keeps_the_reserve():
    for kind in KINDS:
        with fresh(kind):
            outbox = opened(segments=1000, reserve=4096)
            while outbox.put("t", b"x" * 100, 2) is not None:
                pass
            stat = os.statvfs("/flash")
            assert stat[0] * stat[3] >= 4096, stat
            with open("config.json", "w") as file:  # there is room for what matters
                file.write("{}" * 1000)


def test_a_write_that_fails_is_refused_and_nothing_else_is_lost():
    for kind in KINDS:
        for nth in range(1, 12):
            with fresh(kind) as disk:
                outbox = opened()
                put(outbox, 0, 3)
                disk.fails_at = disk.writes + nth
                taken = [number is not None for number in put(outbox, 3, 20)]
                assert disk.writes > disk.fails_at
                wanted = [b"0", b"1", b"2"]
                wanted += [b"%d" % (i + 3) for i, good in enumerate(taken) if good]
                stored = stored_now()
                assert [value for value in stored if value in wanted] == wanted, (nth, stored)
                assert payloads(outbox) == wanted
                assert all(taken) == (outbox.journal.errors == 0)


@on_each
def test_a_damaged_record_is_counted_and_costs_itself_alone():
    for at in range(20, 40):  # each byte of the second: sizes, number, checksum, topic, payload
        for name in os.listdir("."):
            if name == "outbox":
                for each in os.listdir(name):
                    os.remove(name + "/" + each)
        outbox = opened()
        put(outbox, 0, 60)
        outbox.close()
        names = sorted(os.listdir("outbox"))
        with open("outbox/" + names[0], "rb") as file:
            data = bytearray(file.read())
        data[at] ^= 0x81
        with open("outbox/" + names[0], "wb") as file:
            file.write(data)
        again = opened()
        assert again.journal.damaged == 1, at
        assert payloads(again) == [b"%d" % i for i in range(60) if i != 1], at
        assert (again.journal.first, again.journal.lost) == (60, 1), at
        again.close()
        assert payloads(opened()) == []


@on_each
def test_the_end_of_a_segment_and_a_whole_one_that_are_gone_are_counted():
    outbox = opened()
    put(outbox, 0, 100)
    outbox.close()
    names = sorted(os.listdir("outbox"))
    first, second, third = (int(name, 16) for name in names[:3])
    os.remove("outbox/" + names[1])
    last = "outbox/" + names[-1]
    with open(last, "rb") as file:
        data = file.read()
    with open(last, "wb") as file:
        file.write(data[:-30])  # one and a half
    again = opened()
    kept = [i for i in range(98) if not second <= i < third]
    assert payloads(again) == [b"%d" % i for i in kept]
    assert again.journal.lost == third - second
    assert put(again, 100, 101) and payloads(opened()) == [b"100"]


@on_each
def test_a_record_that_lies_about_its_size_takes_no_more_ram_than_there_is():
    outbox = opened()
    put(outbox, 0, 3)
    outbox.close()
    name = "outbox/" + os.listdir("outbox")[0]
    with open(name, "rb") as file:
        data = bytearray(file.read())
    data[0] = data[1] = 0xFF
    with open(name, "wb") as file:
        file.write(data)
    Journal("outbox", segment=512)  # loads what it needs
    gc.collect()
    before = gc.mem_alloc()
    gc.disable()
    try:
        Journal("outbox", segment=512)
        assert gc.mem_alloc() - before < 16_384
    finally:
        gc.enable()
    assert payloads(opened()) == [b"1", b"2"]


@on_each
def test_messages_in_ram_only_are_not_kept():
    outbox = opened(limit=16)
    put(outbox, 0, 2)
    outbox.keep = False
    put(outbox, 2, 4)
    outbox.keep = True
    put(outbox, 4, 6)
    assert payloads(opened()) == [b"0", b"1", b"4", b"5"]
    for _ in range(4):
        outbox.pop()
    put(outbox, 6, 7)
    assert payloads(opened()) == [b"4", b"5", b"6"]


@on_each
def test_a_start_goes_on_with_the_last_segment():
    for i in range(100):  # more starts than there may be segments
        assert put(opened(limit=256), 2 * i, 2 * i + 2) == [2 * i, 2 * i + 1]
    assert len(os.listdir("outbox")) < 16
    assert stored_now() == [b"%d" % i for i in range(200)]


@on_each
def test_files_that_are_no_segments_are_left_alone():
    opened()
    for name in ("notes.md", "notes", "0x000001"):  # the last might be read as a number
        open("outbox/" + name, "w").close()
    put(opened(), 0, 3)
    assert stored_now() == [b"0", b"1", b"2"]
    assert "notes.md" in os.listdir("outbox")


@on_each
def test_a_payload_that_cannot_be_changed_is_sent_as_it_is():
    put(opened(), 0, 12)
    outbox = opened(limit=4)
    left = [MemoryError, KeyError]

    def change(payload):
        if left:
            raise left.pop()
        return payload + b"!"

    outbox.on_read = change
    assert payloads(outbox) == [b"%d" % i for i in range(4)] + [b"%d!" % i for i in range(4, 12)]


@on_each
def test_when_it_is_full_it_is_still_told_what_is_done():
    outbox = opened(limit=256, segments=3)
    taken = 0
    while outbox.put("t/1", b"%d" % taken, 2) is not None:
        taken += 1
    for _ in range(taken - 3):
        outbox.pop()
    assert outbox.journal.errors == 0
    again = payloads(opened(limit=256, segments=3))
    assert len(again) <= 3 + 8
    assert again[-3:] == [b"%d" % i for i in range(taken - 3, taken)]


@on_each
def test_messages_for_ram_go_to_the_flash_when_it_is_full_or_others_wait_there():
    outbox = opened(limit=4)
    outbox.keep = False
    put(outbox, 0, 10)
    assert (outbox.count, outbox.waiting(), outbox.refused) == (4, 10, 0)
    assert payloads(outbox) == [b"%d" % i for i in range(10)]


@on_each
def test_what_is_in_ram_alone_keeps_its_place_before_what_is_on_the_flash_alone():
    outbox = opened(limit=4)
    put(outbox, 0, 1)  # kept, and in RAM
    outbox.keep = False
    put(outbox, 1, 9)  # 1, 2 and 3 find room in RAM; with 4, they go to the flash before it
    assert stored_now() == [b"%d" % i for i in range(9)]
    outbox.pop()
    outbox.pop()
    outbox.close()
    assert payloads(opened(limit=4)) == [b"%d" % i for i in range(2, 9)]


@on_each
def test_done_is_the_oldest_that_is_held_whatever_its_place():
    outbox = opened(limit=8)
    outbox.keep = False
    put(outbox, 0, 1)  # in RAM alone, and before
    outbox.keep = True
    put(outbox, 1, 4)  # these, which are stored first
    outbox.keep = False
    put(outbox, 4, 12)  # now 0 is stored behind them, and some on the flash alone
    outbox.pop()  # 0 is acknowledged: 1 is not
    outbox.close()
    found = payloads(opened(limit=32))
    assert found[:3] == [b"1", b"2", b"3"], found
    assert found[-1] == b"11"


@on_each
def test_too_large_a_message_is_a_value_error():
    outbox = opened()
    for topic, payload in (("t", b"x" * 600), ("t" * 256, b""), ("", b"x")):
        try:
            outbox.put(topic, payload, 2)
        except ValueError as error:
            assert "496" in str(error)
        else:
            raise AssertionError(topic)
    assert outbox.put("t", b"x" * 495, 2) == 0


@on_each
def test_a_restart_sends_again_with_dup_and_the_same_identifiers():
    wire = Wire(opened())
    wire.connect()
    for text in (b"a", b"b", b"c"):
        wire.outbox.put("t", text, 2)
    first = wire.sent()
    wire.feed(b"\x40\x02" + first[0][-3:-1])
    again = Wire(opened(), clean=False)
    _, sent = again.connect(CONNACK_PRESENT)
    # the flash was not told of the first PUBACK: it comes once more
    assert sent == [b"\x3a" + packet[1:] for packet in first]


@on_each
def test_a_restart_without_a_session_sends_as_new():
    outbox = opened()
    outbox.put("t", b"a", 2)
    wire = Wire(opened(), clean=False)
    _, sent = wire.connect(CONNACK)
    assert sent == [b"\x32\x06\x00\x01t\x00\x01a"]


@on_each
def test_a_journal_alone():
    journal = Journal("j", segments=4, segment=128, reserve=0)
    for i in range(10):
        journal.append("t", b"%d" % i, i)
    assert [journal.read() for _ in range(3)] == [(b"t", b"%d" % i, i) for i in range(3)]
    journal.done(2)
    again = Journal("j", segments=4, segment=128, reserve=0)
    assert (again.first, again.next, again.damaged) == (0, 10, 0)
    journal.close()
    again = Journal("j", segments=4, segment=128, reserve=0)
    assert (again.first, again.next) == (2, 10)
    assert again.read() == (b"t", b"2", 2)


def test_the_checksum_for_ports_without_one():
    from binascii import crc32 as of_the_port

    from mqtt.engine.crc import crc32

    assert crc32(b"123456789") == 0xCBF43926  # the check value of CRC-32/ISO-HDLC
    for data in (b"", b"\x00" * 12, bytes(range(256))):
        assert crc32(data) == of_the_port(data)
        assert crc32(data, crc32(b"before")) == of_the_port(data, of_the_port(b"before"))


def wear(kind, size, count=300):
    """What the flash goes through for a thousand readings: erases, writes, bytes written."""
    mounted = Mounted(kind, Disk(size, 48 if size == 4096 else 300))
    with mounted as disk:
        outbox = Durable("outbox", 8, segments=8, segment=4096, reserve=4096)
        disk.writes = disk.written = disk.erases = 0
        for _ in range(count):
            outbox.put("petrel/n1/light", b"x" * 100, 2)
            outbox.pop()
        return [1000 * each // count for each in (disk.erases, disk.writes, disk.written)]


def test_wear_is_as_the_documents_say():
    # docs/delivery.md
    erases, _, written = wear(vfs.VfsLfs2, 4096)
    assert 1000 <= erases <= 1100 and written < 2_400_000, (erases, written)
    _, writes, written = wear(vfs.VfsFat, 512)
    assert writes <= 2800 and written <= 1_500_000, (writes, written)


def restarted(outbox):
    """The session of a client that has started again, over the same flash."""
    return Wire(outbox, clean=False, window=30)


def sent(wire, connack):
    """What leaves after CONNACK: the payload and the identifier of each PUBLISH, and if DUP."""
    _, packets = wire.connect(connack)
    found = []
    for packet in packets:
        found.append((packet[7:], packet[5] << 8 | packet[6], packet[0] >> 3 & 1))
    return found


def put_each(outbox, kept):
    """Put a message for each letter: a capital one is kept, others are held in RAM alone."""
    for letter in kept:
        outbox.keep = letter.isupper()
        assert outbox.put("t", letter.encode(), 4) is not None


def test_a_restart_keeps_identifiers_where_messages_were_put_that_are_not_kept():
    for kind in KINDS:
        for kept in ("AbC", "aB", "abcdeF", "AbghCdE", "ABC", "aBcDeF", "Ab", "ABcd", "aBc"):
            with fresh(kind):
                keeps_identifiers(kept)


def keeps_identifiers(kept):
    outbox = opened(limit=32)
    put_each(outbox, kept)
    before = {payload: pid for payload, pid, _ in sent(restarted(outbox), CONNACK)}
    assert len(before) == len(kept)
    for _ in range(2):  # and over one restart more
        wire = restarted(opened(limit=32))
        after = sent(wire, CONNACK_PRESENT)
        assert [pid for _, pid, _ in after] == [
            before[letter.encode()] for letter in kept if letter.isupper()
        ], (kept, before, after)
        assert all(dup for _, _, dup in after)
    outbox = wire.outbox
    taken = list(before.values())
    for i in range(8):  # those of new messages are none of those that may be in use
        outbox.keep = i & 1
        outbox.put("t", b"new", 4)
        (packet,) = wire.sent()
        pid = packet[5] << 8 | packet[6]
        assert pid not in taken, (kept, pid, taken)
        taken.append(pid)
    for _, pid, _ in reversed(after):  # acknowledgements find their messages in any order
        for kind in (0x50, 0x70):
            wire.feed(bytes((kind, 2, pid >> 8, pid & 255)))
    assert wire.session.strays == 0
    assert outbox.waiting() == 8


@on_each
def test_what_was_stored_late_keeps_its_identifier_as_well():
    outbox = opened(limit=4)
    put_each(outbox, "AbcdEF")  # with E, the others in RAM go to the flash as well
    wire = restarted(outbox)
    before = {payload: pid for payload, pid, _ in sent(wire, CONNACK)}
    again = sent(restarted(opened(limit=32)), CONNACK_PRESENT)
    for payload, pid, _ in again:
        if payload in before:
            assert pid == before[payload], (payload, before, again)
    assert len({pid for _, pid, _ in again}) == len(again) == 6


@on_each
def test_identifiers_wrap_and_stay_apart():
    outbox = opened(limit=4)
    outbox._ahead = 65_530
    wire = restarted(outbox)
    wire.connect()
    seen = []
    for i in range(12):
        put_each(outbox, "Ab"[i & 1])
        (packet,) = [each for each in wire.sent() if each[0] >> 4 == 3]
        seen.append(packet[5] << 8 | packet[6])
        wire.feed(b"\x50\x02" + packet[5:7])
        wire.feed(b"\x70\x02" + packet[5:7])
    assert outbox.waiting() == 0 and wire.session.strays == 0
    assert seen == [65_531 + i for i in range(4)] + list(range(1, 9)), seen


@on_each
def test_a_backlog_too_long_to_be_told_says_nothing_of_what_is_done():
    journal = Journal("j", segments=4, segment=128, reserve=0)
    for i in range(3):
        journal.append("t", b"%d" % i, 0, 7 + i)
    journal.next += 70_000  # so many wait behind them
    journal.append("t", b"late", 0)
    again = Journal("j", segments=4, segment=128, reserve=0)
    assert again.first == 0
    assert again.read() == (b"t", b"0", 0) and again.mark == 7
