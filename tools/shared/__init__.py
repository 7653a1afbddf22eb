"""What all the other folders stand on, and what stands on none of them.

Where things are, how an error is told, child processes that end with us, locks, the facts about
boards, and which modules of lib/ need which.
"""
