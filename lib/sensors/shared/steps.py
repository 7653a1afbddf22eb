"""How many decimals to publish, for parts whose resolution depends on an option."""


def decimals(step):
    """Return how many decimals it takes to show a difference of `step`; 9 at most."""
    count = 0
    while count < 9 and step < 0.999:  # on a board 0.001 * 1000 is slightly less than 1
        step *= 10
        count += 1
    return count
