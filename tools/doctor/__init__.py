"""`doctor`: asks a node, or a board on USB, how it is, and says what is wrong in plain words."""
