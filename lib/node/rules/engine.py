"""Rules at work: looks at values as they come, and acts. Stays in RAM if the config has rules.

To its node an Engine is the part of a sensor named "rules", the last one: it is asked after the
others in each turn of the loop, `set` switches a rule off, and what it raises is counted and told,
and leaves the others alone. Its values are the readings as they are published, and messages of the
broker. It needs no network.

A rule acts when what its "when" says begins or ends to be so, as far as that is known: a value
that isn't there yet, or a sensor that keeps failing, changes nothing.
"""

import json
import time

from micropython import const

from node.overlay import call

if False:  # for type checkers: it costs a board nothing
    from typing import Any

# What holds() does, see node.rules.parse.
_LESS = const(0)
_MORE = const(1)
_LESS_UNTIL = const(3)
_SLOTS = const(4)
_MORE_UNTIL = const(7)
_FROM = const(8)
_AT = const(9)
_DAY = const(10)
_FOR = const(11)
_AND = const(12)
_OR = const(13)
_NOT = const(14)
_RISE = const(10_000)
_SET = const(20_000)
_DAY_MIN = const(1440)

# Three values: no, not known, yes; so that "and" is the lower one, "or" the higher one.
_NO = const(0)
_OPEN = const(1)
_YES = const(2)

# Places in a rule.
_WORDS = const(0)
_FIRST = const(1)  # the first value it looks at, -1: none
_ELSE = const(2)  # acts: (sensor, value, seconds)
_THEN = const(3)
_PAUSE = const(4)
_AGAIN = const(5)
_ALARM = const(6)  # its text, or None
_NAME = const(7)

_KNOWN = const(1_704_067_200)  # 2024-01-01: anything earlier means that the clock isn't set
_HALF_HOUR = const(1800)
_LATER_S = const(10)  # what failed is tried again
_FAILING = const(4)  # failures in a row after which a value is no longer known
_FEW = const(4)  # messages that wait: with fewer, an alarm is told


def holds(words, values, memory, now, sky):
    """Return 2 if it is so, 0 if not, 1 if that isn't known.

    words: the program of a condition; values: what the names stand for, None: not known
    memory: what has to be remembered
    now: s; sky: [minute of the day or None, day of the week, minutes of sunrise, sunset]
    """
    stack = 0  # two bits for each value: nothing is allocated
    at = 0
    size = len(words)
    while at < size:
        what = words[at]
        found = _OPEN
        at += 1
        if what >= _FOR:
            found = stack & 3
            stack >>= 2
            if what == _FOR:
                place = words[at + 1]
                if found != _YES:
                    memory[place] = None
                elif memory[place] is None:
                    memory[place] = now
                if found == _YES and now - memory[place] < words[at]:
                    found = _NO
                at += 2
            elif what == _NOT:
                found = _YES - found
            else:
                found = min(found, stack & 3) if what == _AND else max(found, stack & 3)
                stack >>= 2
        elif what >= _FROM:
            minute = sky[0]
            if minute is not None:
                found = _time(what, words, at, sky)
            at += 2 if what == _FROM else 1
        else:
            value = values[words[at]]
            other = words[at + 1]
            if _SLOTS <= what < _MORE_UNTIL:
                other = values[other]
                what -= _SLOTS
            if value is None or other is None:
                pass
            elif what & 3 == _LESS_UNTIL:
                if not isinstance(value, str):
                    found = _until(words, at, memory, value, what == _LESS_UNTIL)
            elif isinstance(value, str) != isinstance(other, str):
                # A text differs from every number, and is neither below nor above it.
                if what not in (_LESS, _MORE):
                    found = _NO
            elif what == _LESS:
                found = _YES if value < other else _NO
            elif what == _MORE:
                found = _YES if value > other else _NO
            else:
                found = _YES if value == other else _NO
            at += 4 if what & 3 == _LESS_UNTIL else 2
        stack = stack << 2 | found
    return stack


def _until(words, at, memory, value, more):
    """Say whether what has begun goes on."""
    begin, end, place = words[at + 1], words[at + 2], words[at + 3]
    if not more:
        value, begin, end = -value, -begin, -end
    if value < begin:
        memory[place] = True
    elif value >= end:
        memory[place] = None
    return _YES if memory[place] else _NO


def _time(what, words, at, sky):
    """Say whether it is that time."""
    minute = sky[0]
    if what == _DAY:
        return _YES if words[at] >> sky[1] & 1 else _NO
    began = _minute(words[at], sky)
    if what == _AT:
        good = minute == began and (words[at] < _DAY_MIN or 0 < sky[2] < _DAY_MIN)
    else:
        end = _minute(words[at + 1], sky)
        if began == _DAY_MIN:  # the sun doesn't do that today
            good = False
        elif began < end:
            good = began <= minute < end
        else:
            good = minute >= began or minute < end
    return _YES if good else _NO


def _minute(time, sky):
    """Return the minute of a time; 0 and 1440 where the sun stays up, or down."""
    if time < _DAY_MIN:
        return time
    if time < (_RISE + _SET) // 2:
        base, time = sky[2], time - _RISE
    else:
        base, time = sky[3], time - _SET
    return (base + time) % _DAY_MIN if 0 < base < _DAY_MIN else base


class Engine:
    """The rules of a node; node.config.making_rules makes it.

    rules: see the places above; known: topic -> place in values; heard: (sensor, its places)
    past: places of values that are there for a moment; place: see node.rules.sky, None: no rule
    needs the time
    """

    FIELDS = ()
    STATE = True
    changed = False

    def __init__(self, node, rules, values, memory, place):
        self.node = node
        self.rules = rules
        self.values = values
        self.memory = memory
        self.place = place
        self.known = {}
        self.heard = ()
        self.past = ()
        self.behind: "Any" = {}  # name of a sensor -> what delivered its readings before
        self.asked: "Any" = ()  # to subscribe to
        self.states = [_OPEN] * len(rules)
        self.moved: "list[Any]" = [None] * len(rules)  # s of uptime
        self.since = [0] * len(rules)
        self.reading: "list[Any]" = [None] * len(rules)
        self.off = 0  # a bit for each rule that is switched off
        self.untold = 0  # a bit for each alarm that is to be told
        self.running: "list[Any]" = []  # (when it ends, rule, sensor)
        self.sky: "list[Any]" = [None, 0, 0, 0]
        self.look = 0  # when the minute changes
        self.due = 0  # when the sun and the zone are to be looked up again
        self.epoch = 0  # s
        self.awaited = False  # it was told that the time isn't known
        self.second = -2  # of uptime, when all was last looked at
        self.news = True  # there are new values

    # --- what a sensor is asked

    def poll(self, now):
        """Look at all rules if something is new, or a second has passed; return the ms to wait."""
        second = self.node.uptime
        if self.second != second or self.news:
            if self.second == -2:
                self.begin()
            if self.second != second:
                self.again(second)
            self.second = second
            self.news = False
            for i in range(len(self.rules)):
                if not self.off >> i & 1:
                    try:
                        self.attend(i, second)
                    except Exception as error:  # it stays with this rule
                        self.node.failed("rule " + self.rules[i][_NAME], error)
            for slot in self.past:
                self.values[slot] = 0
        return 1000

    def start(self):
        """Return 0: there is nothing to start."""
        return 0

    def read(self):
        """Have all alarms told: it has connected."""
        for i, rule in enumerate(self.rules):
            if rule[_ALARM] and self.states[i] != _OPEN:
                self.untold |= 1 << i
        return ()

    def set(self, value):
        """Switch a rule off or on. Raises ValueError for anything but {"rule": ..., "on": ...}."""
        call("rules", "tell", "switch", self, value)

    # --- what comes

    def deliver(self, client, topic, message, retain=False):
        """Note a reading, and deliver it as it was before, whatever becomes of the note."""
        try:
            self.told(topic, message[10 : message.find(', "unit": ')])
        except Exception as error:
            self.node.failed("rules", error)
        before = self.behind and self.behind.get(topic[len(self.node.prefix) :].split("/")[0])
        if before:
            before(client, topic, message, retain)
        else:
            client.post(topic, message, retain)

    def take(self, topic, payload, retained):
        """Take a message: a value, or a command as without rules."""
        if topic not in self.known or isinstance(payload, int):
            return type(self.node).on_message(self.node, topic, payload, retained)
        try:
            payload = str(payload, "utf-8")
        except ValueError:
            payload = ""
        self.told(topic, payload)

    def told(self, topic, text):
        """Note a value that came as JSON, as that of another node, or as a text."""
        slot = self.known.get(topic)
        if slot is None:
            return
        try:
            value = json.loads(text)
            if isinstance(value, dict):
                value = value.get("value")
            if isinstance(value, bool):
                value = int(value)
        except ValueError:
            value = {"on": 1, "ON": 1, "off": 0, "OFF": 0}.get(text, text[:64])
        if not isinstance(value, (int, float, str)):
            value = None
        self.values[slot] = value
        self.news = True

    # --- each turn

    def begin(self):
        """Ask for the topics, and find the states that no reading has told yet."""
        client = self.node.client
        if hasattr(client, "filters"):
            for topic in self.asked:
                client.filters[topic] = 1
                client.untold.append(topic)
        self.asked = ()
        for sensor, slots in self.heard:
            part = sensor.part
            if getattr(part, "STATE", False) and not sensor.interval:
                try:
                    found = part.read()
                    for slot, field in slots:
                        if self.values[slot] is None and isinstance(found[field], (int, float)):
                            self.values[slot] = found[field]
                except Exception as error:  # as when it is asked for a reading
                    sensor.fault(error)

    def again(self, second):
        """See what is over, what is no longer known, what time it is, and what is to be told."""
        for sensor, slots in self.heard:
            if sensor.failures > _FAILING:
                for slot, _ in slots:
                    self.values[slot] = None
        for each in list(self.running) if self.running else ():
            if second >= each[0]:
                self.running.remove(each)
                self.moved[each[1]] = second
                try:
                    each[2].part.close()  # its safe state
                except Exception as error:
                    each[2].fault(error)
                    self.running.append((second + _LATER_S, each[1], each[2]))
        try:
            if self.place is not None and second >= self.look:
                self.look = second + _LATER_S
                self.clock(second)
            if self.untold:  # one a second
                outbox = self.node.client.outbox
                if outbox.count < min(_FEW, outbox.limit):
                    call("rules", "tell", "alarm", self)
        except Exception as error:  # no memory; later there may be some
            self.node.failed("rules", error)

    def clock(self, second):
        """See what minute it is."""
        now = int(time.time()) + self.node.epoch
        sky = self.sky
        if now < _KNOWN:
            sky[0] = None
            self.look = second + 1
            if not self.awaited:
                call("rules", "tell", "waits", self)
            return
        if self.awaited:
            call("rules", "tell", "ready", self)
        if not self.due - _HALF_HOUR <= now < self.due:
            self.epoch, sky[2], sky[3] = call("rules", "sky", "find", now, self.place)
            self.due = (now // _HALF_HOUR + 1) * _HALF_HOUR
        now += self.epoch
        sky[0] = now % 86_400 // 60
        sky[1] = (now // 86_400 + 3) % 7  # the first day of 1970 was a Thursday
        self.look = second + 60 - now % 60

    def attend(self, i, second):
        """See whether a rule has to act, and have it do so."""
        rule = self.rules[i]
        found = holds(rule[_WORDS], self.values, self.memory, second, self.sky)
        state = self.states[i]
        acted = self.moved[i]
        if found == _OPEN:
            return
        passed = second - acted if acted is not None else 604_800
        if found == state:
            if found == _NO or not rule[_AGAIN] or passed < rule[_AGAIN]:
                return
        elif found == _YES and passed < rule[_PAUSE]:
            return
        self.states[i] = found
        self.reading[i] = self.values[rule[_FIRST]] if rule[_FIRST] >= 0 else None
        if found != state:
            self.since[i] = second
            if rule[_ALARM]:
                self.untold |= 1 << i
        for sensor, value, seconds in rule[_THEN if found else _ELSE]:
            self.moved[i] = second
            self.put(i, sensor, value, seconds and second + seconds)
        call("rules", "tell", "told", self, i)

    def put(self, i, sensor, value, until):
        """Set an output, as the command does; until: s of uptime when it ends, 0: never."""
        for each in list(self.running):
            if each[2] is sensor:
                self.running.remove(each)
        try:
            sensor.part.set(value)
        except ValueError as error:
            self.node.failed("rule " + self.rules[i][_NAME], error)
            return
        except Exception as error:  # the driver's
            sensor.fault(error)
        if until:
            self.running.append((until, i, sensor))
