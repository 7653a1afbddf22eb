"""Compiles what a rule's "when" says. Needed once for each rule, then forgotten.

    expression: either ["for" seconds]
    either:     both {"or" both}
    both:       single {"and" single}
    single:     "not" single | "(" expression ")" | comparison
                | "from" time "to" time | "at" time | "day" days
    comparison: what [(< | <= | > | >= | == | !=) (number | what | 'text' | true | false)]
                ["until" number]
    what:       a sensor, a sensor/field, or 'a topic of the broker'
    time:       22:30 | sunrise[+minutes] | sunset[-minutes]
    days:       mon-fri | sat,sun

What comes of it is a tuple of numbers that node.rules.engine.holds() runs through: an operation,
then what it needs, with each operation after what it works on.
"""

from micropython import const

# What node.rules.engine.holds() does.
_LESS = const(0)  # slot, number
_MORE = const(1)
_SAME = const(2)
_SLOTS = const(4)  # added to those three: slot, slot
_LESS_UNTIL = const(3)  # slot, number, the end, place in the memory
_MORE_UNTIL = const(7)
_FROM = const(8)  # time, time
_AT = const(9)  # time
_DAY = const(10)  # a bit for each day, from Monday on
_FOR = const(11)  # seconds, place in the memory
_AND = const(12)
_OR = const(13)
_NOT = const(14)

RISE = const(10_000)  # added to the minutes after, or before, sunrise
SET = const(20_000)

_DEEP = const(5)  # brackets and nots in each other: the values fit into a small int
_LONG = const(200)
_UNTIL = "until a number"[:5]  # alone it would pass for an attribute, see tools/make/names.py
_WEEK = const("mon tue wed thu fri sat sun")
_WORDS = const("and or not for from to at day until")
_TIME = const('a time: 22:30, sunrise or sunset, these with minutes, as in "sunset+30"')
_SPELL = const("Did you mean %s?")
# In one text each, as short ones would be names that stay in RAM for good. Signs: those that may
# stand there, and what takes the place of others. The second of two is the first with a "not".
_SIGNS = const("< >= > <= == !=")
_CURES = const("""\
= "=="
! "not" or "!="
<> "!="
=< "<="
=> ">=\"""")
_ODD = const("""\
"put a topic or a text into '...'
&use "and"
|use "or"
%leave the unit out
[use ( and )
{use ( and )""")


class Parser:
    """Compiles one text. Raises ValueError with the place, what is wrong there, and the cure.

    names: what the rules so far look at, to which this one's are added; a topic begins with "'"
    memory: a list, to which a place is added for each thing to remember
    program: what came of it; first: the first name in it, as a place in `names`
    timed, sunny: whether it needs the time, the sun
    compared: (name, what with): for the check
    """

    def __init__(self, text, names, memory):
        self.text = text
        self.names = names
        self.memory = memory
        self.program = []
        self.first = -1
        self.timed = self.sunny = False
        self.compared = []
        self.at = self.began = self.deep = 0
        self.token = ""
        if len(text) > _LONG:
            raise ValueError(
                "%d characters; %d at most. Make two rules of it" % (len(text), _LONG)
            )
        self.next()
        self.expression()
        if self.token:
            what = self.token
            if what == ")":
                self.wrong('there is no "(" for it. Remove it')
            if what[:1] in "<>=!":
                self.wrong('compare only two things, and join them: "a > 1 and a < 5"')
            if what == "for":
                self.wrong('only one "for". Put what the first belongs to into brackets')
            close = what.lower()
            if what in ("and", "or"):  # only after a "for"
                self.wrong('put what the "for" belongs to into brackets: "(a > 1 for 60) or b"')
            if close in ("and", "or"):
                self.wrong(_SPELL % close)
            self.wrong('"and" or "or" was expected before it')

    def wrong(self, what):
        """Raise what is wrong at the last token."""
        if not self.token:
            raise ValueError("it ends too early: %s" % what)
        raise ValueError("character %d, %s: %s" % (self.began + 1, self.token, what))

    def next(self):
        """Take the next token: a word, an operator, a bracket, a 'text without its end; or ""."""
        text = self.text
        at = self.at
        while at < len(text) and text[at : at + 1] in " \t":
            at += 1
        self.began = end = at
        kind = _kind(text[at : at + 1])
        if kind == "'":
            end = text.find("'", at + 1)
            if end < 0:
                self.token = text[at : at + 12]
                self.wrong("there is no ' at its end. Add it")
            self.token = text[at:end]
            self.at = end + 1
            return
        while end < len(text) and _kind(text[end : end + 1]) == kind:
            end += 1
            if kind in "()":
                break
        self.token = text[at:end]
        self.at = end
        if kind == "?":
            hint = "this can't stand here. Remove it"
            for line in _ODD.split("\n"):
                if line[:1] == self.token[:1]:
                    hint = line[1:]
            self.wrong(hint)

    def took(self, word):
        """Take this word if it is the next; return whether it was."""
        if self.token != word:
            return False
        self.next()
        return True

    def emit(self, *cells):
        """Add cells to the program."""
        self.program.extend(cells)

    def remember(self):
        """Return a new place in the memory."""
        self.memory.append(None)
        return len(self.memory) - 1

    def expression(self):
        """Compile an expression."""
        self.both()
        while self.took("or"):
            self.both()
            self.emit(_OR)
        if self.took("for"):
            self.emit(_FOR, int(self.number("seconds, 1 to 604800", 1, 604_800)), self.remember())

    def both(self):
        """Compile what is joined by "and"."""
        self.single()
        while self.took("and"):
            self.single()
            self.emit(_AND)

    def single(self):
        """Compile one condition."""
        if self.token in ("not", "("):
            self.deep += 1
            if self.deep > _DEEP:
                self.wrong("too many brackets and nots in each other; 5 at most. Make two rules")
            if self.took("not"):
                self.single()
                self.emit(_NOT)
            else:
                self.next()
                self.expression()
                if not self.took(")"):
                    self.wrong('a ")" was expected. Add it')
            self.deep -= 1
        elif self.took("from"):
            began = self.time()
            if not self.took("to"):
                self.wrong('"to" was expected, as in "from 22:00 to 6:00"')
            if self.token and began == self.time(False):
                self.wrong("it ends when it begins. Leave it out for the whole day")
            self.emit(_FROM, began, self.time())
        elif self.took("at"):
            self.emit(_AT, self.time())
        elif self.took("day"):
            self.emit(_DAY, self.days())
        else:
            self.comparison()

    def what(self):
        """Take a name; return its place in the names."""
        name = self.token
        if not name or name[:1] in "<>=!)" or name in _WORDS.split():
            self.wrong("the name of a sensor was expected")
        if name[:1] == "'":
            if not 1 < len(name) < 129 or "+" in name or "#" in name:
                self.wrong("a topic has 1 to 128 characters, and no + or #")
        elif _number(name) is not None:
            self.wrong('the sensor comes first, as in "soil < 30"')
        elif name.lower() in _WORDS.split():
            self.wrong(_SPELL % name.lower())
        elif ":" in name or name[:3] == "sun":
            self.wrong('"from" or "at" was expected before a time')
        elif name in _WEEK.split() or name[:3] in _WEEK.split() and name[3:4] in ("-", ","):
            self.wrong('"day" was expected before a day')
        if name not in self.names:
            self.names.append(name)
        if self.first < 0:
            self.first = self.names.index(name)
        self.next()
        return self.names.index(name)

    def comparison(self):
        """Compile a comparison."""
        slot = self.what()
        how = self.token
        if not how or how[:1] not in "<>=!":
            if how[:1] == "'" or _number(how) is not None:
                self.wrong("one of < <= > >= == != was expected before it")
            self.compared.append((self.names[slot], 0))
            self.emit(_SAME, slot, 0, _NOT)  # the name alone: it isn't 0
            return
        if how not in _SIGNS.split():
            cure = "one of < <= > >= == !="
            for line in _CURES.split("\n"):
                odd, _, text = line.partition(" ")
                cure = text if odd == how else cure
            self.wrong("use %s" % cure)
        sign = _SIGNS.split().index(how)
        self.next()
        other = self.operand(sign)
        self.compared.append((self.names[slot], other))
        if self.took(_UNTIL):
            self.ending(slot, sign, other)
            return
        act = (_LESS, _MORE, _SAME)[sign // 2]
        if isinstance(other, tuple):
            act += _SLOTS
            other = other[0]
        self.emit(act, slot, other)
        if sign & 1:
            self.emit(_NOT)

    def operand(self, sign):
        """Take what a value is compared with: a number, a text, or (place of a name,)."""
        token = self.token
        if token[:1] == "'":
            if sign < 4:
                self.wrong("a text can only be == or !=")
            self.next()
            return token[1:]
        value = {"true": 1, "false": 0}.get(token, _number(token))
        if value is not None:
            self.next()
            return value
        if token and token[:1] in "0123456789+-.":
            self.wrong("not a number. Leave the unit out, and use . for decimals")
        if token in ("on", "off", "yes", "no", "True", "False"):
            self.wrong("use true or false")
        if not token or token in _WORDS.split():
            self.wrong("a number was expected")
        first = self.first
        found = self.what()
        self.first = first
        return (found,)

    def ending(self, slot, sign, other):
        """Compile where a comparison ends that has begun."""
        if sign not in (0, 2) or isinstance(other, (str, tuple)):
            self.wrong('"until" goes with < or > and a number, as in "soil < 30 until 40"')
        end = self.number("a number", -1e9, 1e9)
        if end >= other if sign else end <= other:
            word = "below" if sign else "above"
            raise ValueError("until %g: it has to be %s %g, where it begins" % (end, word, other))
        self.emit(_MORE_UNTIL if sign else _LESS_UNTIL, slot, other, end, self.remember())

    def number(self, what, least, most):
        """Take a number between two; what: said if it is none."""
        value = _number(self.token)
        if value is None or not least <= value <= most:
            self.wrong("%s expected" % what if self.token else "%s expected. Add them" % what)
        self.next()
        return value

    def time(self, take=True):
        """Take a time; return its minute of the day, or from the sun. take: go on after it."""
        word = self.token
        at = word.find(":")
        self.timed = True
        found = -1
        if at in (1, 2) and len(word) == at + 3 and (word[:at] + word[-2:]).isdigit():
            hours, minutes = int(word[:at]), int(word[-2:])
            if hours < 24 and minutes < 60:
                found = 60 * hours + minutes
            elif hours == 24:
                self.wrong("the day ends at 00:00")
        for name, base in (("sunrise", RISE), ("sunset", SET)):
            if word[: len(name)] == name:
                more = word[len(name) :]
                off = _number(more) if more[:1] in ("+", "-") else None if more else 0
                if off is None or not -720 <= off <= 720:
                    self.wrong('use minutes, 720 at most, and no spaces, as in "sunset+30"')
                self.sunny = True
                found = base + int(off)
        if found < 0:
            self.wrong("%s expected" % _TIME)
        if take:
            self.next()
        return found

    def days(self):
        """Take days of the week; return their bits, Monday's first."""
        week = _WEEK.split()
        mask = 0
        more = True
        while more:
            word = self.token
            more = word[-1:] == ","
            for each in word.lower().rstrip(",").split(","):
                ends = each.split("-")
                if len(ends) > 2 or ends[0] not in week or ends[-1] not in week:
                    self.wrong("use mon tue wed thu fri sat sun, as in mon-fri or sat,sun")
                day, last = week.index(ends[0]), week.index(ends[-1])
                while day != last:
                    mask |= 1 << day
                    day = (day + 1) % 7
                mask |= 1 << last
            self.next()
        self.timed = True
        return mask


def _kind(letter):
    """Return the class of a character."""
    if letter == "" or letter in "()'":
        return letter
    if letter in "<>=!":
        return "<"
    if _letter(letter) or letter.isdigit() or letter in "_-+.:/,":
        return "a"
    return " " if letter in " \t" else "?"


def _letter(letter):
    return "a" <= letter <= "z" or "A" <= letter <= "Z"


def _number(word):
    """Return the number that a word is; None if it is none."""
    digits = word[1:] if word[:1] in ("-", "+") else word
    whole, _, part = digits.partition(".")
    if not (whole + part).isdigit() or len(digits) > 12 or not whole:
        return None
    return float(word) if part else int(whole) * (-1 if word[:1] == "-" else 1)
