"""What is behind the addresses of the access point's page. Needed for a request, then forgotten.

    GET  /scan   the networks in range, the strongest first: [[name, dBm, whether it is open], ...]
    GET  /state  what is going on: {"state": "ready", "joining" or "saved", "error": ..., ...}
    POST /join   a form: ssid, password, broker, user, secret, node, any
    GET  others  the page itself, so that each system sees that this is not the internet

Systems that look for the internet know different addresses, so the page is at all of them. It is
in node.provision.page, compressed.
"""

import json

from micropython import const

from node.overlay import call, forget

_STATES = const(("ready", "joining", "saved"))
_READY = const(2)
_PROVISIONED = const(4)
_SEEN_S = const(5)  # after the page has seen that it is saved


def answer(offer, request):
    """Return the texts of the answer."""
    method, _, path = request.first.partition(b" ")
    path = path.split(b" ")[0].split(b"?")[0]
    if request.wrong:
        return _said("413 Content Too Large", {"error": "the form is too long"})
    if path == b"/join":
        if method != b"POST":
            return _said("405 Method Not Allowed", {"error": "POST only"}, "Allow: POST\r\n")
        error = _join(offer, request.body)
        return _said("400 Bad Request" if error else "200 OK", {"error": error})
    if method not in (b"GET", b"HEAD"):
        return _said("405 Method Not Allowed", {"error": "GET only"}, "Allow: GET\r\n")
    if path == b"/scan":
        call("provision", "turns", "used", offer)
        return _said("200 OK", _scan(offer))
    if path == b"/state":
        return _said("200 OK", _state(offer))
    page = _page(offer.portal)
    head = _head("200 OK", "text/html; charset=utf-8", len(page), "Content-Encoding: gzip\r\n")
    return [head] if method == b"HEAD" else [head, page]


def _page(portal):
    """Return the page: one for all to whom it is being sent."""
    if portal.page is None:
        from node.provision.page import PAGE

        portal.page = PAGE
        forget("page", package="node.provision")
    return portal.page


def _said(status, content, more=""):
    text = json.dumps(content).encode()
    return [_head(status, "application/json", len(text), more), text]


def _head(status, kind, length, more):
    return (
        "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
        "Connection: close\r\n%s\r\n" % (status, kind, length, more)
    ).encode()


def _scan(offer):
    found = []
    try:
        call("provision", "scan", "tell", lambda _, *each: found.append(each), 0)
    except Exception as error:  # a port may raise anything
        offer.failed("wifi", "no scan: " + (str(error) or type(error).__name__))
    return [[each[0], int(each[1]), each[2] == "NO"] for each in found if each]


def _state(offer):
    if offer.state == _PROVISIONED:
        offer.left = min(offer.left, _SEEN_S)
    return {
        "state": _STATES[offer.state - _READY],
        "error": offer.error,
        "node": offer.name,
        "broker": offer.broker if isinstance(offer.broker, str) else "",
    }


def _join(offer, body):
    """Begin to join; return what is wrong, if that can be said at once."""
    if offer.state == _PROVISIONED:
        return "it is saved already"
    call("provision", "turns", "used", offer)
    try:
        form = _form(body)
    except ValueError:
        return "this is no form in UTF-8"
    broker = form.get("broker") or offer.broker
    node = form.get("node") or offer.name
    faults = []
    for key, value, kind in (
        ("Node name", node, (0, "name")),
        ("Broker", broker, (0, "hosts")),
        ("User", form.get("user", ""), (0, str, 0, 256)),
        ("The broker's password", form.get("secret", ""), (0, str, 0, 256)),
    ):
        want = call("config", "values", "wrong", value, kind)
        if want:
            return "%s: use %s" % (key, want)
    call("config", "hosts", "check", faults, "Broker", broker)
    if faults:
        return faults[0]
    if form.get("secret") and not form.get("user"):
        return "The broker's password needs a user"
    must = "any" not in form
    wanted = [form.get("ssid", ""), form.get("password", ""), broker]
    wanted += [form.get("user", ""), form.get("secret", ""), node, must]
    call("provision", "join", "begin", offer, wanted)
    return "" if offer.wanted is wanted and offer.state != _READY else offer.error


def _form(body):
    found = {}
    for pair in body.split(b"&"):
        key, _, value = pair.partition(b"=")
        found[str(key, "ascii")] = _text(value)
    return found


def _text(value):
    text, *rest = value.replace(b"+", b" ").split(b"%")
    text = bytearray(text)
    for each in rest:
        text.append(int(str(each[:2], "ascii"), 16) & 255)
        text.extend(each[2:])
    return str(text, "utf-8")
