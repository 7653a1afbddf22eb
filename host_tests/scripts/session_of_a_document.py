# Runs the statements of a document as the REPL does: FILE PORT. After each comes a line of one
# character. Whatever host they name is the test's broker.
import json
import socket as real
import sys

FILE, PORT = sys.argv[1], int(sys.argv[2])


class Socket:
    """The module, except that all names lead to the broker."""

    socket = real.socket
    SOCK_STREAM = real.SOCK_STREAM

    @staticmethod
    def getaddrinfo(host, port, *more):
        return real.getaddrinfo("127.0.0.1", PORT, *more)


sys.modules["socket"] = Socket
scope = {}
with open(FILE) as file:
    statements = json.load(file)
for statement in statements:
    try:
        exec(compile(statement, "<stdin>", "single"), scope)
    except Exception as error:
        print("Traceback (most recent call last):")
        print("%s: %s" % (type(error).__name__, error))
    print("\x01")
