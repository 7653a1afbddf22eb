"""A sensor whose values a formula makes of those of others: dew point, energy, a difference.

It needs no part and no pin. Its class is in a module of its own, which holds on to none of the
others. docs/derived.md tells what a formula may say.
"""

from sensors.derived.part import Formula

USES = ()


def options():
    """Return the options: name -> (default, lowest, highest), or a rule of the schema."""
    return {
        "formula": (..., str, 1, 200, 'a formula, such as "inside - outside"'),
        "unit": ("",),
        "decimals": (1, 0, 6),
    }


def demands(given):
    """Tell the config check what is wrong with the formula, as far as it can be seen alone."""
    from sensors.derived import parse

    wrong = parse.wrong(given["formula"], given["unit"])
    return {"wrong": wrong} if wrong else {}


DRIVER = Formula
