"""What is said of a text that isn't JSON: where, and what to do."""

import json

from node.config.strict import fault

SAID = {
    b'{"a": 1,\n "b": 2,\n}': 'line 3, column 1: remove the "," before this "}".',
    b"[1, 2,]": 'line 1, column 7: remove the "," before this "]".',
    b'{"a": 1\n "b": 2}': 'line 2, column 2: a "," or "}" is missing here.',
    b'{"a" 1}': 'line 1, column 6: a ":" is missing here.',
    b'{"a": }': "line 1, column 7: a value is missing here; put text in double quotes.",
    b"{a: 1}": "line 1, column 2: a key in double quotes is missing here.",
    b"{'a': 1}": "line 1, column 2: put text in double quotes.",
    b'{"pin": 4, "pin": 5}': 'line 1, column 12: "pin" is here twice; remove one.',
    b'{"pin": 4, "p\\u0069n": 5}': 'line 1, column 12: "pin" is here twice; remove one.',
    b"[NaN]": "line 1, column 2: JSON has no NaN; use a number.",
    b"[-Infinity]": "line 1, column 2: JSON has no -Infinity; use a number.",
    b"[True]": "line 1, column 2: write true, false and null in small letters.",
    b"[007]": "line 1, column 2: a number can't start like this.",
    b'{"a": 1} // note': "line 1, column 10: the JSON has ended before this; remove the rest.",
    b'{"a": 1, // note\n "b": 2}': "line 1, column 10: JSON has no comments; remove this one.",
    b'{"a": ["x"': 'line 1, column 11: the file ends too early; "]}" is missing.',
    b'{"a": "x\n"}': "line 1, column 7: the closing quote is missing in this line.",
    b'["C:\\dir"]': 'line 1, column 5: JSON has no such escape; for a backslash write "\\\\".',
    b'["\\u12"]': 'line 1, column 3: write the character itself, not this "\\u".',
    b'["\\ud83d\\ude00"]': 'line 1, column 3: write the character itself, not this "\\u".',
    b'["\xc3\xbc" x]': 'line 1, column 6: a "," or "]" is missing here.',
    b"[" * 500: "line 1, column 17: nested more than 16 deep.",
    b'{\n"a": "\xfc"}': "line 2: not UTF-8. Save the file as UTF-8.",
    b"\xff\xfe{\0}\0": "damaged, or saved as UTF-16. Save it as UTF-8.",
    b'{\0"\0a\0': "damaged, or saved as UTF-16. Save it as UTF-8.",
}


def test_what_is_wrong_is_said_with_its_place():
    for text, said in SAID.items():
        assert fault(text) == said, (text, fault(text))


def test_lines_of_windows_and_what_json_has_are_good():
    for text in (
        b'{\r\n\t"a": [-0.5e+3, 10, "\\u00fc\\n\\\\", "\xf0\x9f\x98\x80", null, {}, []]\r\n}\r\n',
        b"5",
        json.dumps({"a": [1, {"b": 0.1}]}).encode(),
    ):
        assert fault(text) is None, fault(text)


def test_a_secret_that_is_in_a_wrong_place_is_not_shown():
    for text in (
        b'{"password": hush-hush}',
        b'{"password": 0hush-hush}',
        b'{"password" hush-hush}',
    ):
        assert "hush" not in fault(text)
