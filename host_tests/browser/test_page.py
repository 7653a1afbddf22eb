"""The page in a real browser: live, by mouse and keyboard, on a phone, and safe.

Each test also fails if a console says anything, a script fails, or another host is asked; the
fixture `window` looks at that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host_tests.backend.conftest import wait_until
from host_tests.browser.conftest import Served, Window
from tools.backend.rollouts import Record

Open = Callable[..., Window]
PAGES = ["/", "/nodes/greenhouse", "/plot", "/alarms", "/rollouts", "/log", "/settings", "/api"]
HERE = Path(__file__).parent
EVIL = "\"'><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>"
PLOT = "/plot?sensor=greenhouse/air/temperature&sensor=greenhouse/air/humidity"
RULES = """
[notify]
me = "json://127.0.0.1:9/"

[[rule]]
name = "Greenhouse too hot"
sensor = "greenhouse/air/temperature"
above = 22
hysteresis = 1
text = "Open the roof."

[[rule]]
name = "A node is silent"
node = "*"
silent = "10m"
"""


ROLLOUT = {
    "serial": 12, "stage": 1, "stopped": "", "rules": {"stages": [1, 3, 40], "window": ""},
}  # fmt: skip


def rolled_out(served: Served) -> None:
    """A rollout of which one node is done, one at work, and one has failed."""
    record = Record(served.engine, ("petrel", 12), "0.3.0+12", "eve@laptop", None)
    phases = [
        ("healthy", "runs it", 12), ("offered", "fetching, 50 %", 11),
        ("failed", "ImportError: no module named 'node.x'", 11),
    ]  # fmt: skip
    members = {
        name: {"phase": phase, "words": words, "runs": runs}
        for name, (phase, words, runs) in zip(("cellar", "attic", "pond"), phases, strict=True)
    }
    waiting = {"phase": "", "words": "", "runs": 11}
    members |= {f"bed-{number}": waiting for number in range(37)}
    record.note("begins, 40 nodes")
    record.note("stage 1 of 3, 1 node")
    record.note("healthy: runs it", "cellar")
    record.note("failed: ImportError: no module named 'node.x'", "pond")
    record.save({**ROLLOUT, "members": members}, over=False)


@pytest.fixture
def fleet(served: Served) -> Served:
    """Four nodes with a day of readings, one offline, one with a fault; alarms, a rollout."""
    served.rules.write_text(RULES)
    served.alarms.tick()
    boards = ["ESP32_GENERIC", "ESP8266_GENERIC", "RPI_PICO_W", "PYBV11"]
    for number, name in enumerate(["greenhouse", "cellar", "attic", "pond"]):

        def wave(at: float, phase: float = number / 2) -> float:
            ago = (time.time() - at) / 13751
            return math.cos(ago + phase) + 0.02 * math.sin(at / 97) + 0.02 * math.sin(at / 411)

        def wave_with_gap(at: float) -> float | None:
            hours = (time.time() - at) / 3600
            return None if 9 < hours < 11 else round(max(0.0, 400 * wave(at)), 1)

        served.history(
            f"petrel/{name}/air/temperature", lambda t: round(18 + 5 * wave(t), 2), 24, 60
        )
        served.history(
            f"petrel/{name}/air/humidity", lambda t: round(60 - 9 * wave(t - 4000), 1), 24, 60, "%"
        )
        served.history(f"petrel/{name}/light", wave_with_gap, 24, 60, "lx")
        served.publish(f"petrel/{name}/status", "offline" if name == "pond" else "online")
        about: dict[str, Any] = {"version": "0.1.0", "board": boards[number], "uptime": 260_000}
        about |= {"mode": "normal", "refused": 0, "drops": 0, "connects": 2, "heap_free": 21_000}
        about["waiting"] = 12 if name == "cellar" else 0
        if number < 3:
            about["rssi"] = -61 - 9 * number
        if name == "cellar":
            about |= {"failing": ["air"], "error": "air: no answer at I2C address 0x76"}
        served.publish(f"petrel/{name}/diagnostics", about)
    served.publish("petrel/greenhouse/pump", {"value": False, "seq": 1, "boot": 1})
    served.publish("petrel/greenhouse/door", {"value": "closed", "seq": 1, "boot": 1})
    served.publish("petrel/greenhouse/reply/set", {"ok": True, "output": "pump", "value": False})
    served.reading(22.9, "petrel/greenhouse/air/temperature")
    rolled_out(served)
    return served


def test_a_live_value_appears_by_itself(served: Served, window: Open) -> None:
    one = window("viewer")
    one.sees("No node has been heard yet")
    served.reading(21.5, "petrel/greenhouse/air")
    one.sees("greenhouse")
    one.page.get_by_role("link", name="greenhouse").click()
    one.sees("21.5")
    one.page.wait_for_selector('#link[data-on="true"]')
    served.reading(22.25, "petrel/greenhouse/air")
    one.sees("22.25")
    served.publish("petrel/greenhouse/status", "offline")
    one.page.wait_for_selector('#state[data-tone="bad"]')


def test_the_connection_is_taken_up_again(served: Served, window: Open) -> None:
    served.reading(41.5, "petrel/greenhouse/air")
    one = window("viewer")
    one.open("/nodes/greenhouse")
    one.page.wait_for_selector('#link[data-on="true"]')
    one.page.context.set_offline(True)
    one.page.wait_for_timeout(200)
    served.reading(42.5, "petrel/greenhouse/air")
    one.page.context.set_offline(False)
    served.reading(43.5, "petrel/greenhouse/air")
    one.sees("43.5")
    one.faults = [each for each in one.faults if "ERR_INTERNET_DISCONNECTED" not in each]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_every_page_opens_without_a_fault(
    fleet: Served, window: Open, path: str, role: str
) -> None:
    one = window(role)
    one.open(path)
    one.page.wait_for_load_state("load")
    one.page.wait_for_timeout(500)
    assert one.page.locator("h1").inner_text()


def test_nothing_that_is_published_runs(served: Served, window: Open) -> None:
    """In every place: names, values, units, all of the diagnostics, replies, rules, payloads."""
    name = EVIL.replace("/", "")
    one = window("admin")
    for value in (EVIL, 7, True):
        field = f"{EVIL}{type(value).__name__}"
        served.publish(
            f"petrel/{name}/{field}", {"value": value, "unit": EVIL, "seq": 1, "boot": 1}
        )
    keys = ("version", "board", "mode", "error", "why", "reset", "faults", "failing", EVIL)
    served.publish(f"petrel/{name}/diagnostics", dict.fromkeys(keys, EVIL))
    served.publish(f"petrel/{name}/status", "online")
    served.publish(f"petrel/{name}/reply/{EVIL}", {"ok": False, "error": EVIL})
    served.publish(f"petrel/{name}/reply/set", {"ok": True, "output": EVIL})
    served.publish(f"petrel/{name}/cmd/{EVIL}", EVIL)
    served.publish(f"petrel/{name}/{EVIL}x", EVIL)
    served.replies["ping"] = f'{{"ok": false, "error": "{EVIL.replace(chr(34), "")}"}}'
    rule = {"name": EVIL[:80], "sensor": "*", "above": 1, "text": EVIL, "schedule": "mon-sun"}
    served.alarms.save(rule, EVIL)
    served.publish(f"petrel/{name}/{EVIL}int", {"value": 8, "unit": EVIL, "seq": 2, "boot": 1})
    for path in ("/", "/plot", "/alarms", "/log", "/settings"):
        one.open(path)
        one.page.wait_for_timeout(700)
    one.open("/plot")
    one.page.wait_for_selector("#picker input")
    for box in one.page.locator("#picker input").all()[:2]:
        box.check()
    one.page.wait_for_timeout(500)
    one.page.locator(".u-over").hover()
    one.open("/")
    one.page.locator("#rows a").first.click()
    one.page.wait_for_selector("article.sensor")
    one.page.get_by_role("button", name="Send").click()
    served.publish(f"petrel/{name}/{EVIL}str", {"value": EVIL, "unit": EVIL, "seq": 3, "boot": 1})
    one.sees("refused")
    one.page.wait_for_timeout(1000)
    assert one.page.locator("img[src=x], script:not([src]), svg[onload]").count() == 0


def test_an_output_is_switched(fleet: Served, window: Open) -> None:
    fleet.replies["set"] = '{"ok": true, "output": "pump", "value": true}'
    one = window("operator")
    one.open("/nodes/greenhouse")
    switch = one.page.get_by_role("switch", name="Switch pump")
    switch.wait_for()
    assert switch.get_attribute("aria-checked") == "false"
    switch.press("Space")
    one.sees("done")
    assert fleet.sent == [("greenhouse", "set", '{"output": "pump", "value": true}', "")]
    fleet.publish("petrel/greenhouse/pump", {"value": True, "seq": 2, "boot": 1})
    one.page.wait_for_selector('[role="switch"][aria-checked="true"]')


def test_an_output_that_takes_a_number_is_set(fleet: Served, window: Open) -> None:
    fleet.publish("petrel/greenhouse/lamp", {"value": 10, "unit": "%", "seq": 1, "boot": 1})
    fleet.publish("petrel/greenhouse/reply/set", {"ok": True, "output": "lamp", "value": 10})
    fleet.replies["set"] = '{"ok": true, "output": "lamp", "value": 40}'
    one = window("operator")
    one.open("/nodes/greenhouse")
    one.page.get_by_label("Value for lamp").fill("40")
    one.page.get_by_label("Value for lamp").press("Enter")
    one.sees("done")
    assert fleet.sent == [("greenhouse", "set", '{"output": "lamp", "value": 40}', "")]


def test_a_node_that_is_not_there_is_said(served: Served, window: Open) -> None:
    one = window("viewer")
    one.open("/nodes/nowhere")
    one.sees("There is no node 'nowhere'")
    one.faults = [each for each in one.faults if "404" not in each]


def test_a_viewer_is_offered_nothing_that_it_may_not_do(fleet: Served, window: Open) -> None:
    one = window("viewer")
    one.open("/nodes/greenhouse")
    one.sees("closed")
    assert not one.page.get_by_role("switch").count()
    assert not one.page.get_by_role("button", name="Send").is_visible()
    one.open("/alarms")
    one.sees("Greenhouse too hot")
    assert not one.page.get_by_role("button", name="Acknowledge").count()
    assert not one.page.get_by_role("button", name="New rule").is_visible()
    one.open("/rollouts")
    one.sees("begins, 40 nodes")
    assert not one.page.get_by_role("button", name="Stop").count()


def test_a_command_and_its_reply(fleet: Served, window: Open) -> None:
    fleet.replies["interval"] = '{"ok": false, "error": "seconds: 0 is too small"}'
    one = window("operator")
    one.open("/nodes/greenhouse")
    one.page.wait_for_selector("article.sensor")
    one.page.select_option("#name", "interval")
    one.page.select_option("#which", "light")
    one.page.fill("#seconds", "5")
    one.page.get_by_role("button", name="Send").click()
    one.sees("seconds: 0 is too small")
    assert fleet.sent[-1][1:3] == ("interval", '{"sensor": "light", "seconds": 5}')
    one.page.select_option("#name", "ping")
    one.page.get_by_role("button", name="Send").click()
    one.sees("no reply from petrel/greenhouse", 20)
    one.faults = [each for each in one.faults if "504" not in each]


def span(one: Window) -> float:
    """Hours that the plot shows."""
    times = [one.page.input_value(field) for field in ("#from", "#to")]
    begin, end = (time.mktime(time.strptime(text[:16], "%Y-%m-%dT%H:%M")) for text in times)
    return (end - begin) / 3600


def becomes(one: Window, hours: float, within: float) -> None:
    """Wait until the plot shows so many hours."""
    wait_until(lambda: abs(span(one) - hours) <= within, 60, lambda: f"it shows {span(one)} h")


def test_a_plot_is_zoomed_by_mouse_and_by_keyboard(fleet: Served, window: Open) -> None:
    one = window("viewer")
    one.open(PLOT)
    one.page.wait_for_selector(".u-over")
    assert span(one) == pytest.approx(24, abs=0.1)
    box = one.page.locator(".u-over").bounding_box()
    middle = box["y"] + box["height"] / 2
    one.page.mouse.move(box["x"] + box["width"] * 0.25, middle)
    one.page.mouse.down()
    one.page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=5)
    one.page.mouse.up()
    one.page.wait_for_selector("#ranges:not(:has([aria-pressed=true]))")
    assert span(one) == pytest.approx(6, abs=0.3)
    one.page.focus("#chart")
    one.page.keyboard.press("+")
    becomes(one, 3, 0.3)
    before = one.page.input_value("#from")
    one.page.keyboard.press("ArrowLeft")
    wait_until(lambda: one.page.input_value("#from") < before, 60, lambda: f"still {before}")
    one.page.reload()
    one.page.wait_for_selector(".u-over")
    assert span(one) == pytest.approx(3, abs=0.3)
    one.page.get_by_role("button", name="1 year").click()
    becomes(one, 8760, 2)


def test_a_gap_is_a_gap_in_the_plot(fleet: Served, window: Open) -> None:
    """The line of the light has no colour where nothing was read, and one beside it."""
    one = window("viewer")
    one.open("/plot?sensor=greenhouse/light&range=24h")
    one.page.wait_for_selector(".u-over")
    columns: list[int] = [0, 0]

    def is_drawn() -> bool:
        columns[:] = one.page.evaluate((HERE / "gap.js").read_text())
        return columns[1] > 0

    wait_until(is_drawn, 60, lambda: "there is no line beside the gap")
    one.faults.clear()  # a canvas is not meant to be read: the console says so
    assert columns[0] == 0


def test_a_plot_goes_on_while_one_looks(fleet: Served, window: Open) -> None:
    one = window("viewer")
    one.open("/plot?sensor=greenhouse/air/temperature&range=1h")
    one.page.wait_for_selector('#link[data-on="true"]')
    fleet.now = time.time()
    fleet.reading(88.5, "petrel/greenhouse/air/temperature")
    one.page.wait_for_selector("#stats td:text('88.5 °C')")


def test_a_rule_is_made_and_its_alarm_acknowledged(served: Served, window: Open) -> None:
    served.reading(20, "petrel/greenhouse/air")
    one = window("admin")
    one.open("/alarms")
    one.sees("No rules yet")
    one.page.get_by_role("button", name="New rule").click()
    one.page.fill("#r-name", "Too hot")
    one.page.fill("#r-target", "greenhouse/air")
    one.page.fill("#r-limit", "warm")
    one.page.get_by_role("button", name="Save").click()
    one.sees("'warm' isn't a number")
    one.page.fill("#r-limit", "30")
    one.page.get_by_role("button", name="Save").click()
    one.sees("All is well")
    served.reading(31, "petrel/greenhouse/air")
    one.sees("greenhouse/air is 31.0 °C, above 30")
    one.page.get_by_role("button", name="Acknowledge").click()
    one.sees("acknowledged by admin")
    served.reading(20, "petrel/greenhouse/air")
    one.sees("back to normal")
    one.sees("All is well")
    one.faults = [each for each in one.faults if "422" not in each]


def test_an_operator_stops_a_rollout(fleet: Served, window: Open) -> None:
    one = window("operator")
    one.open("/rollouts")
    one.sees("ImportError: no module named 'node.x'")
    row = one.page.locator("#rollouts tr").first
    assert row.locator("td.num").all_inner_texts()[:5] == ["1", "1", "1", "37", "38"]
    one.page.get_by_role("button", name="Silent").click()
    one.sees("bed-36")
    assert not one.page.locator("#nodes").get_by_role("link", name="cellar").count()
    one.page.get_by_role("button", name="To go").click()
    one.sees("not yet")
    one.page.evaluate("window.confirm = () => true")
    one.page.get_by_role("button", name="Stop").click()
    one.sees("stopping")
    one.sees("operator on the page wants it to stop.")
    one.page.get_by_role("button", name="Stop").wait_for(state="detached")


def test_an_admin_makes_users_and_a_token(served: Served, window: Open) -> None:
    one = window("admin")
    one.open("/settings")
    one.page.fill("#user-name", "eve")
    one.page.fill("#user-password", "some other words")
    one.page.select_option("#user-role", "operator")
    one.page.get_by_role("button", name="Add a user").click()
    one.page.get_by_label("Role of eve").wait_for()
    one.page.fill("#token-name", "Grafana")
    one.page.get_by_role("button", name="Make a token").click()
    one.sees("it isn't shown again")
    token = one.page.locator("#made code").inner_text()
    with served.client() as client:
        answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"name": "admin", "role": "viewer"}


def test_dark_light_and_as_the_system(served: Served, window: Open) -> None:
    one = window("viewer", color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    assert one.page.evaluate(colour) == "rgb(16, 23, 29)"
    one.open("/settings")
    one.page.get_by_role("button", name="Light").click()
    assert one.page.evaluate(colour) == "rgb(244, 246, 248)"
    one.open("/")
    assert one.page.evaluate(colour) == "rgb(244, 246, 248)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_has_a_name_and_can_be_read(fleet: Served, window: Open, scheme: str) -> None:
    audit = (HERE / "audit.js").read_text()
    one = window("admin", color_scheme=scheme)
    faults: dict[str, Any] = {}
    for path in [*PAGES, PLOT]:
        one.open(path)
        one.page.wait_for_timeout(700)
        faults[path] = one.page.evaluate(audit)
    one.open("/alarms")
    one.page.get_by_role("button", name="New rule").click()
    faults["dialog"] = one.page.evaluate(audit)
    assert {path: found for path, found in faults.items() if found} == {}


def test_by_keyboard_alone(fleet: Served, window: Open) -> None:
    one = window("operator")
    one.page.wait_for_selector("#rows a")
    one.page.keyboard.press("Tab")
    assert one.page.evaluate("document.activeElement.innerText") == "Skip to the content"
    one.page.keyboard.press("Enter")
    one.page.keyboard.press("Tab")
    assert one.page.evaluate("document.activeElement.id") == "search"
    one.page.keyboard.type("green")
    one.sees("1 of 4 nodes")
    one.page.get_by_role("button", name="Node", exact=True).press("Enter")
    one.page.locator("#rows a").first.press("Enter")
    one.page.wait_for_selector("article.sensor")
    assert one.page.url.endswith("/nodes/greenhouse")


@pytest.mark.parametrize("path", [*PAGES, PLOT])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    fleet: Served, window: Open, path: str
) -> None:
    one = window("admin", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    one.open(path)
    one.page.wait_for_timeout(700)
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert one.page.get_by_role("navigation").is_visible()


def test_two_thousand_nodes_are_shown(served: Served, window: Open) -> None:
    """Within two seconds on an idle machine; the figure is printed, and only far more fails."""
    served.store(
        [
            served.item(f"petrel/node{number}/air", {"value": 1, "seq": 1, "boot": 1})
            for number in range(2000)
        ]
    )
    one = window("viewer")
    began = time.monotonic()
    one.open("/")
    one.page.wait_for_selector("#rows tr:nth-child(2000)", state="attached")
    took = time.monotonic() - began
    print(f"2,000 nodes on the overview: {took:.2f} s")
    assert took < 60


def test_a_node_that_is_heard_again_is_laid_out_only_if_it_reads_otherwise(
    served: Served, window: Open
) -> None:
    """Of thousands of nodes each is heard every few seconds; most go on reading "now"."""
    served.reading(1, "petrel/node1/air")
    one = window("viewer")
    one.page.wait_for_selector('#link[data-on="true"]')
    one.page.evaluate(
        """() => {
          window.same = 0;
          window.heard = 0;
          const text = (nodes) => [...nodes].map((each) => each.textContent).join();
          new MutationObserver((changes) => {
            for (const change of changes) {
              window.heard += 1;
              if (text(change.addedNodes) === text(change.removedNodes)) window.same += 1;
            }
          }).observe(document.getElementById("rows"), { childList: true, subtree: true });
        }"""
    )
    for number in range(5):
        served.reading(number, "petrel/node1/air")
        one.page.wait_for_timeout(400)  # longer than events are gathered for a message
    served.publish("petrel/node1/status", "offline")
    one.page.wait_for_function("window.heard > 0")
    assert one.page.evaluate("window.same") == 0


def test_pictures_of_the_documentation(fleet: Served, window: Open) -> None:
    """What `make test-page PICTURES=1` writes; otherwise only that it can be shown."""
    one = window("admin", viewport={"width": 1360, "height": 800})
    one.sees("cellar")
    one.page.wait_for_timeout(600)
    one.picture("nodes")
    one.open("/nodes/greenhouse")
    one.sees("closed")
    one.page.wait_for_timeout(600)
    one.picture("node")
    one.open(PLOT)
    one.page.wait_for_selector(".u-over")
    one.page.wait_for_timeout(600)
    one.picture("plot")
    one.open("/alarms")
    one.sees("Open the roof.")
    one.picture("alarms")
    one.open("/rollouts")
    one.sees("begins, 40 nodes")
    one.picture("rollouts")
    phone = window(
        "admin", viewport={"width": 390, "height": 760}, color_scheme="dark", is_mobile=True
    )
    phone.open("/nodes/greenhouse")
    phone.sees("closed")
    phone.page.wait_for_timeout(600)
    phone.picture("phone")
