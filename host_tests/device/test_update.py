# Offers, manifests, lists and chunks: what a node refuses, and what it says then.
# heap: 2000K
# port
import gc
import os
import sys

import stage
import vfs
from disk import fresh
from updates import MODULUS, Release, held, keys_txt, offered, put, reader, running, work

from node.update import listing, release, signature

FILES = [
    ("board.txt", b"UNIX"),
    ("keys.txt", keys_txt()),
    ("lib/node/app.mpy", bytes(range(256)) * 9),
    ("lib/node/update/pack.mpy", reader()),
    ("lib/sensors/empty.py", b""),
]
GOOD = Release(FILES)


class Board:
    """A board with the boot stage and keys, on a file system of its own."""

    def __init__(self, kind=vfs.VfsLfs2, blocks=300):
        gc.collect()
        self._mounted = fresh(kind, blocks)

    def __enter__(self):
        disk = self._mounted.__enter__()
        put("update/deployed", b"")
        put("keys.txt", keys_txt())
        put("board.txt", b"UNIX")
        put("config.json", b'{"node": "n"}')
        stage.state[:] = ["-", "-", "0", "0"]
        stage.slot = "-"
        stage.trying = False
        return disk

    def __exit__(self, *error):
        self._mounted.__exit__(*error)


def refused(bad, words):
    """Offer it, and look whether it is refused in those words."""
    with Board():
        node = running(bad, stage)
        offered(node, bad)
        told = node.client.told
        assert told and '"refused"' in told[-1], (told, node.errors)
        assert words in told[-1], told[-1]
        assert node.ended is None
        assert stage.state == ["-", "-", "0", "0"]


def test_a_good_one_is_fetched_and_is_the_one_to_try():
    with Board():
        node = running(GOOD, stage)
        offered(node, GOOD)
        assert not node.errors, node.errors
        assert node.ended, node.client.told
        assert stage.state == ["-", "a", "3", "0"], stage.state
        with open("update/state") as file:
            assert file.read() == "- a 3 0"
        with open("update/a.mpy", "rb") as file:
            assert file.read() == reader()
        from node.update.pack import Pack

        vfs.mount(Pack("update/a"), "/slot")
        try:
            for path, data in FILES:
                assert os.stat("/slot/" + path)[6] == len(data)
                assert held(path, len(data)) == data
            assert os.stat("/slot/lib/node")[0] == 0x4000
            for path in ("lib/node/none", "lib/no", "board", "x"):
                try:
                    os.stat("/slot/" + path)
                    raise ValueError(path)
                except OSError:
                    pass
        finally:
            vfs.umount("/slot")


def test_a_file_that_is_there_in_the_same_form_is_not_asked_for():
    with Board():
        for path, data in FILES[2:4]:
            put(path, data)
        node = running(GOOD, stage)
        offered(node, GOOD)
        assert node.ended, (node.errors, node.client.told)
        # the list alone: board.txt and keys.txt are there as well
        assert {number for number, _, _ in node.client.asked} == {0}, node.client.asked


def verified(digest, signed):
    """As the node reads them."""
    numbers = [int.from_bytes(each, "big") for each in (MODULUS, signed)]
    return signature.verify(numbers[0], digest, lambda: numbers[1])


def test_every_flipped_bit_of_a_signature_is_noticed():
    # one bit of each byte, and all of some
    line = GOOD.manifest
    from binascii import a2b_base64
    from hashlib import sha256

    signed = bytearray(a2b_base64(GOOD.offer[len(line) + 1 :]))
    digest = sha256(line).digest()
    assert verified(digest, bytes(signed))
    for bit in list(range(0, 3072, 61)) + list(range(3064, 3072)) + list(range(8)):
        signed[bit // 8] ^= 1 << bit % 8
        assert not verified(digest, bytes(signed)), bit
        signed[bit // 8] ^= 1 << bit % 8
    assert not verified(digest, bytes(384))
    assert not verified(digest, b"\xff" * 384)
    assert not verified(digest, bytes(signed[1:]))
    assert not verified(digest, b"")


def test_every_flipped_bit_of_a_manifest_is_noticed():
    from binascii import a2b_base64
    from hashlib import sha256

    line = bytearray(GOOD.manifest)
    signed = a2b_base64(GOOD.offer[len(line) + 1 :])
    for bit in range(0, 8 * len(line), 5):
        line[bit // 8] ^= 1 << bit % 8
        assert not verified(sha256(line).digest(), signed)
        line[bit // 8] ^= 1 << bit % 8


def test_a_flipped_bit_in_an_offer_is_refused():
    for at in (3, 60, len(GOOD.manifest) + 1, len(GOOD.offer) - 2):
        flipped = Release(FILES)
        offer = bytearray(GOOD.offer)
        offer[at] ^= 1
        flipped.offer = bytes(offer)
        refused(flipped, "sign")


def test_a_key_that_the_node_does_not_trust_is_refused():
    refused(Release(FILES, key='"00000000"'), "not among those of keys.txt")


class Small:
    """The heap of an ESP8266, as the node sees it."""

    mem_alloc = staticmethod(lambda: 24_000)
    mem_free = staticmethod(lambda: 14_000)


def test_a_small_board_that_runs_from_a_romfs_refuses_before_it_fetches_anything():
    with Board():
        for path, taken in ((None, False), ("lib/node/app.mpy", True)):
            from node.update import check

            check.gc = Small
            if path:
                put(path, b"")
            node = running(GOOD, stage)
            offered(node, GOOD)
            assert ("ROMFS" in node.client.told[-1]) != taken, node.client.told
            assert bool(node.ended) == bool(node.client.asked) == taken


def test_a_node_without_keys_takes_nothing():
    with Board():
        os.remove("keys.txt")
        node = running(GOOD, stage)
        offered(node, GOOD)
        assert "trusts nobody" in node.client.told[-1]


def test_up_to_three_keys_are_looked_at():
    other = bytes([MODULUS[0] ^ 1]) + MODULUS[1:]
    for before, taken in ((2, True), (3, False)):
        with Board():
            put("keys.txt", keys_txt(other) * before + keys_txt())
            node = running(GOOD, stage)
            offered(node, GOOD)
            assert bool(node.ended) == taken, before


def test_what_does_not_fit_is_refused_in_clear_words():
    refused(Release(FILES, board='"ESP32_GENERIC"'), "it is for ESP32_GENERIC, and this is UNIX")
    refused(Release(FILES, mpy="5"), "its .mpy files are of version 5")
    refused(Release(FILES, update="2"), "this node knows format 1")
    refused(Release(FILES, size="99"), "the manifest says 5 of 99")
    refused(Release(FILES, files="4"), "the manifest says 4 of")
    refused(Release(FILES, serial=0), "serial: 0; a number from 1")
    refused(Release(FILES, size="9999999"), "too little room on the flash")
    refused(Release(FILES[:3]), "it has no lib/node/update/pack.mpy")


def test_a_serial_that_was_there_is_refused_unless_it_is_a_signed_downgrade():
    for each, taken in (
        (Release(FILES, serial=6), False),
        (Release(FILES, serial=7), False),
        (Release(FILES, serial=8), True),
        (Release(FILES, serial=6, downgrade="7"), True),
        (Release(FILES, serial=6, downgrade="6"), False),
    ):
        with Board():
            stage.state[3] = "7"
            node = running(each, stage)
            offered(node, each)
            assert bool(node.ended) == taken, (each.manifest, node.client.told)
            assert taken or "not higher than 7" in node.client.told[-1]
            assert stage.state[3] == "7"


def test_an_offer_that_is_too_long_is_refused_before_it_is_read():
    with Board():
        node = running(GOOD, stage)
        assert node.client.updates.message("p/n/update/offer", 1_000_000) is None
        assert "an offer of 1000000 bytes" in node.client.told[-1]
        assert "offer.new" not in os.listdir("update")


FOUR = b'{"update":1,"serial":1,"mpy":6,"files":4,"size":1'


def test_bad_manifests():
    for text, words in (
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[]", "JSON"),
        (b"nonsense", "JSON"),
        (b"[" * 600, "JSON"),
        (b'{"update":1}' + b" ", "JSON"),
        (b"{}", "format 1"),
        (b'{"update":1,"serial":1.5}', "serial"),
        (b'{"update":1,"serial":true}', "serial"),
        (b'{"update":1,"serial":1073741824}', "serial"),
        (b'{"update":1,"serial":1,"mpy":6,"files":401,"size":1}', "files"),
        (FOUR + b"}", "board"),
        (FOUR + b',"board":"x","version":"%s"}' % (b"v" * 33), "version"),
        (FOUR + b',"board":"x","version":"v"}', "list"),
        (FOUR + b',"board":"x","version":"v","list":[1,"z"]}', "list"),
        (b"x" * 601, "601 bytes"),
    ):  # fmt: skip
        try:
            release.parse(text)
            raise AssertionError(text)
        except ValueError as error:
            assert words in str(error), (text, error)


HASH = "0123456789abcdef" * 4


def listed(text):
    import io

    lines = text.count("\n")
    return list(listing.entries(io.StringIO(text), lines, 0 * lines))


def test_bad_lists():
    for text, words in (
        ("%s 0 b\n%s 0 a\n" % (HASH, HASH), "order"),
        ("%s 0 a\n%s 0 a\n" % (HASH, HASH), "a is there twice"),
        ("%s 0 a" % HASH, "line 1 is damaged"),
        ("%s 0\n" % HASH, "damaged"),
        ("%s -1 a\n" % HASH, "damaged"),
        ("%s 0 a b\n" % HASH, "damaged"),
        ("%s 0 a\n" % HASH[1:], "damaged"),
        ("%s 0 a\n" % ("G" + HASH[1:]), "damaged"),
        ("%s 1048577 a\n" % HASH, "too many bytes"),
        ("%s 99999999999999 a\n" % HASH, "too many bytes"),
        ("%s 0 %s\n" % (HASH, "a" * 200), "damaged"),
        ("%s 5 a\n" % HASH, "1 files of 5 bytes"),
    ):
        try:
            listed(text)
            raise AssertionError(text)
        except ValueError as error:
            assert words in str(error), (text, error)
    for path in (
        "/a", "a/", "a//b", "../a", "a/../b", "..", ".", "a/.b", "boot.py", "config.json",
        "a\\b", "a\0b", "\xe4", "a*", "a" * 65, "C:a",
    ):  # fmt: skip
        try:
            listed("%s 0 %s\n" % (HASH, path))
            raise AssertionError(path)
        except ValueError as error:
            assert "path" in str(error) or "damaged" in str(error), (path, error)


def test_a_file_that_is_a_folder_too_is_refused():
    refused(Release([("lib", b"x")] + FILES[2:4]), "lib is a file and a folder")
    refused(Release([("a", b"x"), ("a-b", b""), ("a/b", b"x"), FILES[3]]), "a is a file and a")


def test_chunks_that_lie_change_nothing():
    """Another number, another place, other lengths: dropped; other bytes: noticed by the hash."""
    lies = [
        lambda head, data: (head.replace(b" ", b"x", 1), data),
        lambda head, data: (head[:-1] + b"7\n", data),
        lambda head, data: (head, data[:-1]),
        lambda head, data: (head, data + b"!"),
        lambda head, data: (b"x" * 100, b"x" * 100),
        lambda head, data: (b"\n", data),
        lambda head, data: (head, bytes([data[0] ^ 1]) + data[1:]),
    ]
    for lie in lies:
        with Board():
            node = running(GOOD, stage)
            client = node.client
            count = [0]

            def once(head, data, lie=lie, count=count, client=client):
                count[0] += 1
                if count[0] % 3 == 2 and data:
                    # an honest one follows, as it does after ten seconds
                    client.send("chunk", *lie(head, data))
                return head, data

            client.lie = once
            offered(node, GOOD)
            assert node.ended, (client.told, node.errors)
            assert stage.state[1] == "a"


def test_an_outage_or_a_restart_costs_what_was_on_its_way():
    with Board():
        node = running(GOOD, stage)
        client = node.client
        client.send("offer", GOOD.offer)
        updates = client.updates
        while len(client.asked) < 4:
            updates.turn()
        asked = list(client.asked)
        client.up = False
        for _ in range(20):
            assert updates.turn() <= 1000
        assert client.asked == asked
        again = running(GOOD, stage)  # the board was reset
        from node.update.check import steps

        again.client.updates.start(steps(again.client.updates))
        while again.client.updates.steps and not again.ended:
            again.client.updates.turn()
        assert again.ended
        assert not {each for each in again.client.asked if each in asked[:-1]}, again.client.asked


def test_a_server_that_lacks_a_file_is_told_and_asked_again():
    with Board():
        from node.update import fetch

        pauses = []

        def pause(ms):
            pauses.append(ms)
            yield 0

        fetch.pause = pause
        node = running(GOOD, stage)
        client = node.client

        def lacks(head, data):
            name, number, _ = head.split()
            if number == b"3" and len(pauses) < 2:
                return name + b" 3 -\n", (b"lib/node/app.mpy can't be read", b"")[len(pauses)]
            return head, data

        client.lie = lacks
        offered(node, GOOD)
        waiting = [each for each in client.told if '"waiting"' in each]
        assert len(waiting) == len(pauses) == 2, (client.told, node.errors)
        assert "the server says: lib/node/app.mpy can't be read" in waiting[0]
        assert "the server says: no" in waiting[1]
        assert node.ended and not node.errors, node.errors
        # What came before is asked for once, and the missing file three times.
        numbers = [number for number, _, _ in client.asked]
        assert numbers[:4] == [0, 3, 3, 3], numbers
        for each in (0, 4):
            asked = [one for one in client.asked if one[0] == each]
            assert len(asked) == len(set(asked)), client.asked


def test_a_reason_of_any_bytes_is_told():
    from node.update.fetch import Chunks

    for reason, told in (
        (b"gone", b"gone"),
        (b"", b""),
        (b"a\nb\0c\xff", b"a?b?c?"),
        (b"x" * 99 + b"\xc3\xa4" * 500, b"x" * 99 + b"?"),
    ):
        for size in (1, 7, 2000):
            chunks = Chunks("x", "0123456789abcdef")
            chunks.ask(7, 0, 100)
            sent = b"0123456789abcdef 7 -\n" + reason
            chunks.begin(len(sent))
            for at in range(0, len(sent), size):
                chunks.write(memoryview(sent)[at : at + size])
            chunks.close()
            assert chunks.reason == told, (reason, chunks.reason)
            assert not chunks.wanted and chunks.left == 100
    sys.modules.pop("node.update.fetch", None)


def test_an_update_that_had_too_little_memory_is_told_and_tried_again():
    with Board():
        now = [0]
        try:
            node = running(GOOD, stage)
            from node.update import turns

            turns.ticks_ms = lambda: now[0]
            client = node.client

            def none(head, data):
                raise MemoryError("memory allocation failed")

            client.lie = none
            offered(node, GOOD)
            assert node.errors, client.told
            client.lie = None
            updates = client.updates
            told = len(client.told)
            for now[0] in range(0, 600_000, 60_000):
                updates.turn()
            assert len(client.told) == told + 1, client.told
            assert '"waiting"' in client.told[-1] and "memory" in client.told[-1]
            assert stage.waits and updates.chunks is None  # the command can have it go on
            now[0] = 600_000
            del node.errors[:]
            work(node)
            assert node.ended and not node.errors, (client.told, node.errors)
            assert stage.state[1] == "a"
        finally:
            sys.modules.pop("node.update.turns", None)


def test_the_offer_of_what_runs_is_compared_and_nothing_is_written_or_loaded():
    """It comes with each connection."""
    with Board():
        node = running(GOOD, stage)
        for slot, other in (("a", Release(FILES, serial=6)), ("b", Release(FILES[:3], serial=7))):
            put("update/%s.offer" % slot, GOOD.offer)
            stage.slot = slot
            files = sorted(os.listdir("update"))
            for size in (1, 100, len(GOOD.offer)):
                node.client.send("offer", GOOD.offer[:-size], GOOD.offer[-size:])
                node.client.send("offer", GOOD.offer[:size], GOOD.offer[size:])
            assert sorted(os.listdir("update")) == files
            assert "node.update.turns" not in sys.modules and not node.client.told
            last = b"x" if GOOD.offer[-1:] != b"x" else b"y"
            for offer in (other.offer, GOOD.offer[:-1] + last):
                node.client.send("offer", offer[:300], offer[300:])
                with open("update/offer.new", "rb") as file:
                    assert file.read() == offer
                os.remove("update/offer.new")
                running(GOOD, stage)


def test_chunks_are_subscribed_to_only_while_there_is_an_update():
    with Board():
        node = running(GOOD, stage)
        assert not node.client.filters
        offered(node, GOOD)
        assert node.client.filters == {"p/n/update/chunk": 1}


def test_a_withdrawn_offer_is_forgotten():
    with Board():
        node = running(GOOD, stage)
        client = node.client
        client.send("offer", GOOD.offer)
        while len(client.asked) < 3:
            client.updates.turn()
        client.send("offer", b"")
        while client.updates.steps:
            client.updates.turn()
        assert '"idle"' in client.told[-1]
        assert os.listdir("update") == ["deployed"]


def test_a_release_that_was_taken_back_is_not_tried_again():
    from node.update.back import back

    with Board():
        node = running(GOOD, stage)
        offered(node, GOOD)
        assert stage.state == ["-", "a", "3", "0"]
        put("config.json", b'{"node": "changed"}')
        put("update/why", b"ImportError: x")
        stage.state[2] = "0"
        stage.write()
        sys.modules["stage"] = stage
        back()
        assert stage.state == ["-", "-", "0", "0"]
        with open("config.json") as file:
            assert file.read() == '{"node": "n"}'
        node = running(GOOD, stage)
        offered(node, GOOD)
        assert node.ended is None
        assert '"failed"' in node.client.told[-1] and "ImportError: x" in node.client.told[-1]
        other = Release(FILES, serial=6)
        node = running(other, stage)
        offered(node, other)
        assert node.ended, node.client.told
