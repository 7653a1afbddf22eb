"""Compiles a formula. Needed when its sensor is made or checked, then forgotten.

    sum:     product {("+" | "-") product}
    product: signed {("*" | "/") signed}
    signed:  "-" signed | power
    power:   single ["**" signed]
    single:  number | sensor | sensor/field | function "(" sum {"," sum} ")" | "(" sum ")"

"-" and "/" may be part of a name, so between names they have spaces around them. What comes of it
is a list in the order of work: a number as a float, the place of a value as an int, or (function,
how many values it takes).
"""

import builtins
import math

from micropython import const

from sensors.derived import air, signs

_LONG = const(200)
_DEEP = const(8)
# Each function with the least and the most values it takes, and the units that these have to have,
# where it works with units. In one text: short ones would be names that stay in RAM for good.
_FUNCTIONS = const("""\
dew_point 2 2 C %
absolute_humidity 2 2 C %
heat_index 2 2 C %
sea_level 2 3 hPa m C
difference 2 2
energy 1 1 W
sqrt 1 1
exp 1 1
log 1 1
abs 1 1
min 2 8
max 2 8""")
# What comes of them: the field and the unit.
_RESULTS = const("""\
dew_point temperature C
heat_index temperature C
absolute_humidity value g/m3
sea_level pressure hPa
energy total Wh""")


class Parser:
    """Compiles one formula. Raises ValueError with the place, what is wrong there, and the cure.

    names: those of the values, as sensor or sensor/field; program: what came of it
    wants: (name, function, unit): what a function asks of a value; adds: it adds up energy
    """

    def __init__(self, text):
        self.text = text
        self.names = []
        self.program = []
        self.wants = []
        self.outer = ""  # the function whose result the formula is
        self.at = self._begun = self.deep = 0
        self.token = ""
        if len(text) > _LONG:
            raise ValueError("%d characters; %d at most" % (len(text), _LONG))
        self.next()
        self.terms()
        if self.token:
            self.wrong(
                'there is no "(" for it. Remove it' if self.token == ")"
                else "+ - * or / was expected before it"
            )  # fmt: skip
        if not self.names:
            raise ValueError("it names no sensor, so it never changes. Name one")
        self.adds = self.outer == "energy"
        for each in self.program:
            if each == (signs.energy, 1) and not self.adds:
                raise ValueError(
                    "energy() adds up over time, so it has to be all of the formula, as in "
                    '"energy(volts * amperes)". Give the rest a sensor of its own'
                )

    def about(self, unit, decimals):
        """Return what the field is: (name, unit, decimals)."""
        for line in _RESULTS.split("\n"):
            words = line.split()
            if words[0] == self.outer:
                return words[1], words[2], decimals
        return self.outer if self.outer == "difference" else "value", unit, decimals

    def wrong(self, what):
        """Raise what is wrong at the last token."""
        if not self.token:
            raise ValueError("it ends too early: %s" % what)
        raise ValueError("character %d, %s: %s" % (self._begun + 1, self.token, what))

    def next(self):
        """Take the next token: a word, a sign, or ""."""
        text = self.text
        at = self.at
        while text[at : at + 1] == " ":
            at += 1
        self._begun = at
        end = at + 1
        if text[at : at + 2] == "**":
            end += 1
        elif _letter(text[at : at + 1]):
            # Names have / and - in them, numbers don't.
            number = text[at] in "0123456789."
            while _letter(text[end : end + 1]) or not number and text[end : end + 1] in ("/", "-"):
                end += 1
        self.token = text[at:end]
        self.at = end
        if self.token and not _letter(self.token[0]) and self.token not in "**+-/(),":
            self.wrong({"^": 'use "**"'}.get(self.token, "this can't stand here. Remove it"))

    def took(self, *signs):
        """Take the next token if it is one of these; return it, or ""."""
        token = self.token
        if token not in signs:
            return ""
        self.next()
        return token

    def emit(self, function, count):
        """Add work to be done."""
        self.outer = ""
        self.program.append((function, count))

    def terms(self):
        """Compile a sum."""
        self.product()
        sign = self.took("+", "-")
        while sign:
            self.product()
            self.emit(signs.add if sign == "+" else signs.difference, 2)
            sign = self.took("+", "-")

    def product(self):
        """Compile a product."""
        self.signed()
        sign = self.took("*", "/")
        while sign:
            self.signed()
            self.emit(signs.times if sign == "*" else signs.over, 2)
            sign = self.took("*", "/")

    def signed(self):
        """Compile what may have a sign before it."""
        self.deep += 1
        if self.deep > _DEEP:
            self.wrong("too many brackets and signs in each other; %d at most" % _DEEP)
        if self.took("-"):
            self.signed()
            self.emit(signs.minus, 1)
        else:
            self.single()
            if self.took("**"):
                self.signed()
                self.emit(signs.power, 2)
        self.deep -= 1

    def single(self):
        """Compile a number, a name, a function, or what is in brackets."""
        word = self.token
        if self.took("("):
            self.terms()
            self.close()
        elif not word or not _letter(word[0]):
            self.wrong("a sensor, a number or ( was expected")
        elif word[0] in "0123456789.":
            try:
                self.program.append(float(word))
            except ValueError:
                self.wrong("not a number. Leave the unit out, and use . for decimals")
            self.outer = ""
            self.next()
        else:
            began = self._begun
            self.next()
            if self.token == "(":
                self.function(word, began)
            else:
                if word not in self.names:
                    self.names.append(word)
                self.program.append(self.names.index(word))
                self.outer = ""

    def function(self, name, began):
        """Compile a call; began: where its name stands."""
        rules = [line.split() for line in _FUNCTIONS.split("\n")]
        found = [rule for rule in rules if rule[0] == name]
        if not found:
            self.token = name
            self._begun = began
            self.wrong("no function. There are %s" % ", ".join([rule[0] for rule in rules]))
        rule = found[0]
        count = 0
        sign = ","
        self.next()
        while sign and self.token != ")":
            at = len(self.program)
            self.terms()
            made = self.program[at:]
            if count + 3 < len(rule) and len(made) == 1 and isinstance(made[0], int):
                self.wants.append((self.names[made[0]], name, rule[count + 3]))
            count += 1
            sign = self.took(",")
        if not int(rule[1]) <= count <= int(rule[2]):
            many = rule[1] if rule[1] == rule[2] else "%s to %s" % tuple(rule[1:3])
            self.wrong("%s() takes %s, and has %d" % (name, many, count))
        self.close()
        made = None
        for module in (signs, air, math, builtins):
            made = made or getattr(module, name, None)
        self.emit(made, count)
        self.outer = name

    def close(self):
        """Take a closing bracket."""
        if not self.took(")"):
            self.wrong('a ")" was expected. Add it')


def wrong(text, unit):
    """Return what is wrong with the options of a sensor; "" if nothing is."""
    try:
        made = Parser(text)
    except ValueError as error:
        return "formula: %s." % error
    own = made.about("", 0)[1]
    if unit and own:
        return 'unit: %s() gives %s. Remove it; the filter "to" converts it.' % (made.outer, own)
    return ""


def _letter(text):
    return "a" <= text <= "z" or "A" <= text <= "Z" or "0" <= text <= "9" or text in ("_", ".")
