"""Handlers by topic filter. Imported when a client is given one."""

import asyncio

from mqtt.match import matches


class Router:
    """Calls the handlers whose filter a topic matches; `otherwise` where there is none."""

    def __init__(self, otherwise):
        self.otherwise = otherwise
        self._handlers = []

    def add(self, pattern, handler):
        """Add a handler, called as handler(topic, payload, retained); it may be a coroutine."""
        self._handlers.append((pattern, handler))

    def remove(self, pattern):
        """Drop the handlers of that filter."""
        self._handlers = [pair for pair in self._handlers if pair[0] != pattern]

    def route(self, topic, payload, retained):
        """Call them in the order in which they were added; all of them, even if one raises.

        What a handler raises is raised at the end, the last of them if there are several.
        """
        raised = None
        called = False
        for pattern, handler in self._handlers:
            if matches(pattern, topic):
                called = True
                try:
                    self._call(handler, topic, payload, retained)
                except Exception as error:
                    raised = error
        if not called and self.otherwise:
            self.otherwise(topic, payload, retained)
        if raised:
            raise raised

    def _call(self, handler, topic, payload, retained):
        result = handler(topic, payload, retained)
        if hasattr(result, "send"):  # a coroutine: the reader must not wait for it
            asyncio.create_task(result)
