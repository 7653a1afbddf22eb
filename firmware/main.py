# Runs after boot.py. A file named "maintenance" keeps the node from starting.
import node.main

node.main.run()
