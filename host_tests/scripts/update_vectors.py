# Judges offers and lists as a node does: sys.argv has a folder, the board, and the highest serial
# that was good. Prints for each, by its number, what is wrong with it, or "good".
import os
import sys

from node.update import listing, release, signature

folder, board, highest = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.chdir(folder)


def judge(number):
    signature.check(number + ".offer", "keys.txt")
    with open(number + ".offer", "rb") as file:
        line = file.readline()[:-1]
    found = release.parse(line)
    release.judge(found, board, highest)
    from hashlib import sha256

    with open(number + ".list", "rb") as file:
        content = file.read()
    if len(content) != found["list"][0] or sha256(content).digest().hex() != found["list"][1]:
        raise ValueError("another list")
    with open(number + ".list") as file:
        for _ in listing.entries(file, found["files"], found["size"]):
            pass


number = 0
while True:
    try:
        os.stat("%d.offer" % number)
    except OSError:
        break
    try:
        judge(str(number))
        print("good")
    except ValueError as error:
        print("refused:", error)
    number += 1
