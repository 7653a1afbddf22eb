# heap: 512K
"""Which topics a filter matches, and what is allowed as one. MQTT 4.7"""

from wire import raises

from mqtt.engine.core import check_name
from mqtt.engine.subscribe import check_filter
from mqtt.match import matches


def test_what_matches():
    for pattern, topic in (
        ("a", "a"),
        ("a/b", "a/b"),
        ("+", "a"),
        ("a/+", "a/b"),
        ("a/+", "a/"),  # an empty level is a level
        ("+/+", "/a"),
        ("#", "a/b/c"),
        ("a/#", "a"),  # and the parent level [MQTT-4.7.1-2]
        ("a/#", "a/b/c"),
        ("a/+/c", "a/b/c"),
        ("+/b/#", "a/b"),
        ("$SYS/#", "$SYS/broker"),
        ("$share/group/a/+", "a/b"),
    ):
        assert matches(pattern, topic), (pattern, topic)


def test_what_does_not_match():
    for pattern, topic in (
        ("a", "A"),
        ("a", "/a"),
        ("a/b", "a"),
        ("a", "a/b"),
        ("+", "/a"),
        ("a/+", "a"),
        ("a/+", "a/b/c"),
        ("a/b/#", "a"),
        ("#", "$SYS/broker"),  # MQTT 4.7.2
        ("+/broker", "$SYS/broker"),
    ):
        assert not matches(pattern, topic), (pattern, topic)


def test_filters_that_are_allowed():
    for pattern in ("#", "+", "a/#", "+/a", "a/+/b", "/", "a b", b"a/#", "\u20ac/+"):
        assert check_filter(pattern) == pattern


def test_filters_that_mqtt_forbids():
    # [MQTT-4.7.1-2], [MQTT-4.7.1-3], [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT-4.7.3-3]
    for pattern in ("", "a#", "a/#/b", "a+/b", "+a", "a\0b", "\u20ac" * 21846, b"a#", "##"):
        raises(ValueError, check_filter, pattern)


def test_names_that_mqtt_forbids():
    # [MQTT-3.3.2-2], [MQTT-1.5.3-1], [MQTT-1.5.3-2]; surrogates, overlong and cut sequences
    for name in (
        "",
        "a/+",
        "#",
        "a\0",
        "x" * 65536,
        "\ud800",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xc3",
    ):
        raises(ValueError, check_name, name)


def test_names_that_are_allowed():
    for name in ("a", "/", "a b/\u20ac", "\U0001f600", b"raw", "x" * 65535, "\ufeffa"):
        assert check_name(name) == name
