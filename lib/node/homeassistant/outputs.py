"""How Home Assistant switches an output: the templates that make its commands and read its state.

A command goes to cmd/set, {"output": name, "value": ...}, and a state is {"value": ...}.
"""

from json import dumps

# Driver -> what it may be shown as; the first unless the config says another.
AS = {
    "relay": ("switch", "light", "fan", "valve"),
    "dimmer": ("light", "number", "fan", "valve"),
    "servo": ("number", "valve"),
    "pixels": ("light",),
    "buzzer": ("siren",),
}
_FULL = "{{ (value_json.value * 100 / %s) | round | int }}"


def pairs(driver, shown, name, part, state, command):
    """Yield (key, value as JSON) for an output; state, command: the topics.

    shown: what it is shown as; part: what the driver has made, or None if it isn't there yet
    """
    if shown == "fan" and driver == "dimmer":
        yield "pct_stat_t", dumps(state)
        yield "pct_cmd_t", dumps(command)
    yield "stat_t", dumps(state)
    yield "cmd_t", dumps(command)
    found = _relay if driver == "relay" else _pixels if driver == "pixels" else None
    if driver == "buzzer":
        most = "%g" % getattr(part, "most_s", 10)
        yield "sup_vol", "false"
        yield "stat_val_tpl", dumps("{{ 'ON' if value_json.value else 'OFF' }}")
        yield "cmd_tpl", _order(name, "{{ [duration | default(%s), %s] | min }}" % (most, most))
        yield "cmd_off_tpl", _order(name, "0")
    elif found:
        for key, value in found(shown, name):
            yield key, value
    else:
        most = "%g" % getattr(part, "range", 90) if driver == "servo" else "100"
        for key, value in _range(shown, name, most, "\u00b0" if driver == "servo" else "%"):
            yield key, value


def _order(name, value):
    return dumps('{"output":"%s","value":%s}' % (name, value))


def _relay(shown, name):
    if shown == "light":
        yield "schema", '"template"'
        yield "stat_tpl", dumps("{{ 'on' if value_json.value else 'off' }}")
        yield "cmd_on_tpl", _order(name, "true")
        yield "cmd_off_tpl", _order(name, "false")
        return
    on, off = ("open", "closed") if shown == "valve" else ("ON", "OFF")
    word = "OPEN" if shown == "valve" else "ON"
    key = "stat_val_tpl" if shown == "fan" else "val_tpl"
    yield key, dumps("{{ '%s' if value_json.value else '%s' }}" % (on, off))
    yield "cmd_tpl", _order(name, "{{ 'true' if value == '%s' else 'false' }}" % word)


def _range(shown, name, most, unit):
    """A value from 0 to `most`."""
    if shown == "number":
        yield "min", "0"
        yield "max", most
        yield "unit_of_meas", dumps(unit)
        yield "val_tpl", dumps("{{ value_json.value }}")
        yield "cmd_tpl", _order(name, "{{ value }}")
    elif shown == "valve":
        yield "pos", "true"
        yield "val_tpl", dumps(_FULL % most)
        yield "cmd_tpl", _order(name, "{{ value * %s / 100 }}" % most)
    elif shown == "fan":
        yield "stat_val_tpl", dumps("{{ 'ON' if value_json.value else 'OFF' }}")
        yield "cmd_tpl", _order(name, "{{ 100 if value == 'ON' else 0 }}")
        yield "pct_val_tpl", dumps(_FULL % most)
        yield "pct_cmd_tpl", _order(name, "{{ value }}")
    else:
        yield "schema", '"template"'
        yield "stat_tpl", dumps("{{ 'on' if value_json.value else 'off' }}")
        yield "bri_tpl", dumps("{{ (value_json.value * 2.55) | round | int }}")
        yield "cmd_on_tpl", _order(name, "{{ (brightness | default(255) / 2.55) | round(2) }}")
        yield "cmd_off_tpl", _order(name, "0")


def _pixels(shown, name):
    """A colour. Home Assistant takes it at full brightness, with the brightness apart."""
    yield "schema", '"template"'
    yield "stat_tpl", dumps("{{ 'on' if value_json.value | max else 'off' }}")
    yield "bri_tpl", dumps("{{ value_json.value | max }}")
    for i, key in enumerate(("r_tpl", "g_tpl", "b_tpl")):
        yield (
            key,
            dumps(
                "{{ (value_json.value[%d] * 255 / ([value_json.value | max, 1] | max)) | int }}"
                % i
            ),
        )
    yield (
        "cmd_on_tpl",
        _order(
            name,
            "{% set c = [red, green, blue] if red is defined"
            " else state_attr(entity_id, 'rgb_color') or [255, 255, 255] %}"
            "{% set b = (brightness if brightness is defined"
            " else state_attr(entity_id, 'brightness') or 255) / 255 %}"
            "[{{ (c[0] * b) | round | int }}, {{ (c[1] * b) | round | int }}, "
            "{{ (c[2] * b) | round | int }}]",
        ),
    )
    yield "cmd_off_tpl", _order(name, "[0, 0, 0]")
