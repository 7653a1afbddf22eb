"""Make what goes onto a board.

`build` compiles Petrel for one board and shows what it weighs; `firmware` builds MicroPython with
Petrel in it; `release` makes the files of a version. Images for ROMFS and the package.json files
for mip are made here too.
"""
