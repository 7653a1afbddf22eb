# Boots the whole node as a board does: the stages of boot.py and main.py. With a number, it takes
# so many readings instead and ends, see host_tests/rom/many.py.
import sys

sys.path[:] = ["rom", "lib", ".frozen"]
import node.main  # noqa: E402

node.main.boot()
if len(sys.argv) > 1:
    import many

    many.readings(int(sys.argv[1]))
else:
    node.main.run()
