# heap: 256K
"""What counts as late: all that lies in the socket is read first, and progress gives more time."""

from slow import Far, clock, publish
from wire import raises

from mqtt.engine.base import LinkError
from mqtt.link import Link
from mqtt.simple import MQTTClient

ANSWER_MS = 4000  # the default


def simple(far, **options):
    client = MQTTClient("id", "", dial=lambda: far, **options)
    client.connect()
    return client


def link(far, **options):
    """A link that is up, and what it was lost for."""
    lost = []
    made = Link(lambda: far, "id", on_lost=lost.append, **options)
    while not made.up:
        made.step()
        clock.sleep_ms(1)
    return made, lost


def serve(client, ms, step=20):
    """Let time pass while a link is stepped."""
    until = clock.now + ms
    while clock.now < until:
        client.step()
        clock.sleep_ms(step)


# --- what lies in the socket is read first


def test_a_loop_that_comes_by_every_8_s_with_a_keep_alive_of_10():
    far = Far()
    client = simple(far, keepalive=10)
    for _ in range(5):
        client.check_msg()
        clock.sleep(8)
    assert far.names().count("PINGREQ") >= 4


def test_ping_a_long_pause_and_check_msg():
    far = Far()
    client = simple(far)
    for _ in range(3):
        client.ping()
        clock.sleep(5)
        client.check_msg()
    assert far.names().count("PINGREQ") == 3


def test_a_publish_every_8_s_with_a_keep_alive_of_10():
    far = Far()
    client = simple(far, keepalive=10)
    for qos in (1, 2, 1, 0, 1, 2):
        client.publish("t", b"x", qos=qos)
        clock.sleep(8)
    assert not far.closed


def test_a_subscription_after_a_long_pause():
    far = Far()
    client = simple(far, keepalive=10)
    client.ping()
    clock.sleep(60)
    client.subscribe("t")
    assert far.names().count("SUBSCRIBE") == 1


def test_an_answer_behind_many_messages_is_found():
    far = Far()
    client = simple(far)
    client.ping()
    answer = far.held()
    for _ in range(40):
        far.rx += publish(b"t", b"x" * 100)
    far.rx += answer
    clock.sleep(8)
    while far.rx:
        client.check_msg()
    clock.sleep(8)
    client.check_msg()


def test_a_link_that_was_not_stepped_for_long():
    far = Far()
    client, lost = link(far, keepalive=10)
    for i in range(6):
        client.post("t", b"%d" % i)
        client.step()
        clock.sleep(8)
        client.step()
    assert lost == []
    assert far.names().count("PUBLISH") == 6, far.names()


def test_a_callback_that_takes_5_s_in_a_burst_ends_nothing():
    got = []

    def slow(topic, payload):
        got.append(payload[:1])
        clock.sleep(5)

    for size in (10, 200, 1000):
        far = Far()
        client = simple(far, keepalive=60)
        client.set_callback(slow)
        client.ping()
        answer = far.held()
        far.rx = b"".join(publish(b"t", b"%d" % i + b"x" * size, 1 + i) for i in range(4)) + answer
        got.clear()
        while len(got) < 4:
            client.wait_msg()
        client.publish("t", b"x", qos=1)
        assert got == [b"0", b"1", b"2", b"3"]
        assert far.names().count("PUBACK") == 4


def test_a_slow_handler_of_a_link_ends_nothing():
    for size in (10, 200):
        far = Far()
        client, lost = link(far, on_message=lambda *_: clock.sleep(5))
        client.post("t", b"x")
        answer = far.held()
        far.rx = b"".join(publish(b"t", b"x" * size, 1 + i) for i in range(4)) + answer
        serve(client, 30_000)
        assert lost == []
        assert far.names().count("PUBLISH") == 1 and far.names().count("PUBACK") == 4


def test_time_in_a_callback_is_not_held_against_the_packet_that_has_begun():
    far = Far()
    client = simple(far)
    client.set_callback(lambda *_: clock.sleep(5))
    whole = publish(b"t", b"x" * 20)
    far.rx = whole + whole[:10]
    client.check_msg()
    client.check_msg()
    clock.sleep_ms(50)
    far.rx = whole[10:]
    client.check_msg()


# --- and what is late is late


def test_without_pingresp_the_connection_ends():
    far = Far(silent=("PINGREQ",))
    client = simple(far)
    client.ping()
    clock.sleep_ms(ANSWER_MS)
    assert "PINGRESP" in str(raises(LinkError, client.check_msg))


def test_without_pingresp_it_ends_although_messages_come_without_end():
    far = Far(silent=("PINGREQ",))
    client, lost = link(far)
    client.ping_due = True
    client.step()
    clock.sleep_ms(ANSWER_MS)
    for _ in range(1000):
        if len(far.rx) < 1000:
            far.rx += publish(b"t", b"x" * 400)
        client.step()
    assert lost


def test_a_puback_that_does_not_come_is_asked_for_again_while_messages_come():
    far = Far(silent=("PUBLISH",))
    client, lost = link(far)
    client.post("t", b"x")
    for _ in range(50):
        far.rx += publish(b"t", b"x" * 400)
        serve(client, 100)
    assert far.names().count("PUBLISH") == 2 and not lost


# --- progress


def test_a_packet_that_leaves_slowly_leaves_once():
    for version in (4, 5):
        far = Far(takes=100, every=500, version=version)
        client, lost = link(far, version=version)
        client.post("t", b"x" * 4000)  # takes 20 s
        client.post("t", b"small")
        serve(client, 30_000)
        assert lost == [] and client.outbox.count == 0
        assert far.names().count("PUBLISH") == 2


def test_a_blocking_client_waits_for_a_packet_that_leaves_slowly():
    far = Far(takes=100, every=500)
    client = simple(far, keepalive=10)
    wait = client.wait
    client.wait = lambda ms: (clock.sleep_ms(min(ms, 20)), wait(0))
    client.publish("t", b"x" * 4000, qos=1)
    assert far.names().count("PUBLISH") == 1


def test_an_answer_is_awaited_from_when_all_has_left():
    # A PINGREQ stands before the long packet, and its answer behind.
    far = Far(takes=100, every=500)
    client, lost = link(far)
    client.ping_due = True
    client.step()
    answer = far.held()
    client.post("t", b"x" * 4000)
    serve(client, 20_000)
    far.rx = answer + far.rx
    serve(client, 2000)
    assert lost == [] and client.outbox.count == 0


def test_a_stream_that_takes_nothing_is_given_up():
    far = Far()
    client, lost = link(far)
    far.takes = 0
    client.post("t", b"x")
    serve(client, 2 * ANSWER_MS)
    assert "takes no more" in str(lost[0])


def test_a_stream_that_takes_a_byte_now_and_then_is_given_up():
    far = Far()
    client, lost = link(far)
    far.takes = 1
    far.every = 700
    client.post("t", b"x" * 200)
    serve(client, 2 * ANSWER_MS)
    assert "takes no more" in str(lost[0])


def test_an_answer_behind_a_long_download_is_not_late():
    for size in (480, 5000):  # less than the buffer, and more
        far = Far()
        client, lost = link(far)
        client.post("t", b"x")
        client.ping_due = True
        client.step()
        answers = far.held()
        far.gives, far.pause = 40, 500  # 480 bytes take 6 s, 5000 take 62
        far.rx = publish(b"t", b"x" * size) + answers
        serve(client, 120_000)
        assert lost == [], lost
        assert far.names().count("PUBLISH") == 1 and client.outbox.count == 0


def test_a_broker_that_sends_a_byte_now_and_then_is_given_up():
    for size in (60, 400, 5000):
        far = Far()
        client, lost = link(far)
        far.gives, far.pause = 1, 700
        far.rx = publish(b"t", b"x" * size)
        serve(client, 2 * ANSWER_MS)
        assert "rest of a packet" in str(lost[0])
