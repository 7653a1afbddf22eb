"""Takes a client's options when it is made, before its buffers are, and is forgotten again.

Options that are plainly good pass here. Any others go to engine.checks, which knows every rule and
the words for it, and takes far more RAM. One function, because each name would stay for good.
"""

import gc


def check(core, queue, buffer, options, timeout=None):
    """Give the core its options, and leave those of version 5 alone; see engine.checks.check().

    TypeError or ValueError for bad ones, and for names that no option has. timeout: see
    MQTTClient.connect() of mqtt.simple.
    """
    version = options.get("version", core.version)
    user = options.get("user")
    password = options.get("password")
    will = options.get("will") or ("-", "-", 0, False)
    backoff_ms = options.get("backoff_ms", (1, 1))
    timeout = options.get("timeout", timeout)
    seconds = 1 if timeout is None else timeout
    good = (
        isinstance(backoff_ms, tuple) and len(backoff_ms) == 2
        and isinstance(seconds, (int, float)) and 0.001 <= seconds <= 86_400
        and version in (3, 4, 5) and isinstance(will, tuple) and len(will) == 4
        and will[2] in (0, 1, 2) and (user is not None or password is None)
    )  # fmt: skip
    for text in (core.client_id, user or "-", password or "-") + (will[:2] if good else ()):
        # Not empty, not long, and ASCII: as many bytes as characters.
        good = good and isinstance(text, str) and 0 < len(text.encode()) == len(text) < 256
        good = good and "\0" not in text
    good = good and "+" not in will[0] and "#" not in will[0]
    first, longest = backoff_ms if good else (1, 1)
    for value, least, most in (
        (longest, 1, 86_400_000), (first, 1, longest),
        (options.get("answer_ms", 1), 1, 86_400_000),
        (options.get("connect_ms", 1), 1, 86_400_000),
        (options.get("keepalive", 0), 0, 65535), (options.get("window", 1), 1, 30),
        (buffer, 16, 65535), (1 if hasattr(queue, "put") else queue, 1, 65535),
    ):  # fmt: skip
        good = good and isinstance(value, int) and least <= value <= most
    try:
        if not good:
            from mqtt.engine.checks import check as judge

            judge(core.client_id, queue, buffer, version, options, timeout)
        for name in (
            "version", "user", "password", "keepalive", "clean", "will", "window", "on_message",
            "on_connect", "on_large", "on_lost", "answer_ms", "connect_ms", "backoff_ms", "random",
            "throttle",
        ):  # fmt: skip
            if name in options and hasattr(core, name):
                setattr(core, name, options.pop(name))
        for name in options:
            if version != 5:
                raise TypeError("unexpected keyword argument '%s'" % name)
    finally:
        core.forget("options", "checks", "payload", "topic")
        gc.collect()
