"""How many decimals a value is worth, where an option decides how fine a part measures."""


def decimals(step):
    """Return the fewest decimals that tell two values apart that differ by `step`; 9 at most."""
    count = 0
    while count < 9 and step < 0.999:  # a board's float has 0.001 * 1000 a little below 1
        step *= 10
        count += 1
    return count
