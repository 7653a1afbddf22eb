"""What the signs of a formula do, and functions that do no more than these.

Apart from the parser, which would otherwise stay in RAM with them.
"""


def add(a, b):
    """Return a + b."""
    return a + b


def difference(a, b):
    """Return a - b."""
    return a - b


def times(a, b):
    """Return a * b."""
    return a * b


def over(a, b):
    """Return a / b."""
    return a / b


def minus(a):
    """Return -a."""
    return -a


def power(a, b):
    """Return a ** b. Raises ValueError if that is not a real number."""
    found = a**b
    if not isinstance(found, float):
        raise ValueError("a root of a number below 0")
    return found


def energy(watts):
    """Return the power, whose energy the part adds up."""
    return watts
