# Runs inside MicroPython: the test functions of one module, one after another.
# Prints a line for each: "PASS name", or "FAIL name" and then its traceback, indented.
import io
import sys


def main(module, names):
    loaded = __import__(module)
    for name in names:
        try:
            result = getattr(loaded, name)()
            if result is not None:  # a coroutine
                import asyncio

                asyncio.run(result)
                asyncio.new_event_loop()
            print("PASS", name)
        except Exception as error:
            text = io.StringIO()
            sys.print_exception(error, text)
            print("FAIL", name)
            for line in text.getvalue().splitlines():
                print("    " + line)
    print("END")


main(sys.argv[1], sys.argv[2:])
