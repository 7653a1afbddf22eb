"""The page's server, in a thread of the collector."""

from __future__ import annotations

import socket
import threading

import uvicorn

from tools.backend.web.app import make_app
from tools.backend.web.parts import Parts
from tools.shared.errors import ToolError

START_S = 15.0


class Server:
    """Serves the page until it is closed. A context manager; with port 0 it takes a free one."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        assert self._socket
        settings = self._parts.settings
        scheme = "https" if settings.certificate else "http"
        host = settings.host if settings.host not in ("0.0.0.0", "::") else socket.gethostname()
        port = self._socket.getsockname()[1]
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        """Listen, and serve in a thread; raises ToolError if the port is taken."""
        settings = self._parts.settings
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        self._socket = socket.socket(family)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((settings.host, settings.port))
        except OSError as error:
            self._socket.close()
            raise ToolError(
                f"web.port: can't listen at {settings.host}:{settings.port}: {error.strerror}",
                "Does another program use that port? Choose another web.port.",
            ) from error
        config = uvicorn.Config(
            make_app(self._parts),
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=settings.proxy,
            forwarded_allow_ips="127.0.0.1",
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
            timeout_graceful_shutdown=3,
            limit_concurrency=500,
            h11_max_incomplete_event_size=32 * 1024,
        )
        try:
            config.load()
        except OSError as error:  # ssl.SSLError is one
            self._socket.close()
            raise ToolError(
                f"web.cert: {settings.certificate} and its key can't be used: {error}",
                "Both must be PEM and belong together; name the key with web.key.",
            ) from error
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="page", daemon=True
        )
        self._thread.start()
        self._wait_started()

    def close(self) -> None:
        """Stop serving."""
        self._parts.live.close()
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(10)
        if self._socket:
            self._socket.close()

    def _wait_started(self) -> None:
        assert self._server and self._thread
        waiting = threading.Event()
        for _ in range(int(START_S / 0.02)):
            if self._server.started:
                return
            if not self._thread.is_alive():
                break
            waiting.wait(0.02)
        raise ToolError("the page doesn't start", "The lines above say why.")
