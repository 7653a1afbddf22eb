# Boots the whole node as boot.py and main.py do, in the heap of a small board: PATHS
import sys

sys.path[:] = sys.argv[1:]
import node.boot

node.boot.run()
import node.main

node.main.run()
