"""Phrases that don't belong in what people read, and what to say instead; `lint` looks for them.

They are correct, but read like a translation, or like a book. All pages are checked, and the
strings and comments of the code. A phrase is found across line ends as well.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.shared.paths import FIRMWARE, LIB, ROOT

# A phrase as a regular expression, and what to say instead.
PHRASES = {
    "anew": "again",
    "as ever": "as usual",
    "at present": "now",
    "behaves? otherwise": "behaves differently",
    "but for": "except for",
    "ever more \\w+ly": "less and less often, more and more slowly",
    "for ever": "forever",
    "for want of": "because there is no",
    "in the midst": "in the middle",
    "is no (\\w+ )?(JSON|PEM|button|number|object|text|topic name)": "is not a",
    "mend(s|ed|ing)?": "fix",
    "mostly": "usually",
    "so that none": "so that no, and what",
    "to be had": "available, or say who gets it where",
    "whoever": "anyone who",
    "without a word": "silently, or without saying why",
}
_BETWEEN = "[\\s#\"'`]+"  # words of a phrase: the end of a line may be there, with its marks
_FOUND = {
    re.compile(rf"(?<![\w-]){phrase.replace(' ', _BETWEEN)}(?![\w-])", re.IGNORECASE): instead
    for phrase, instead in PHRASES.items()
}
_WRITTEN = {"reference.md", "conformance.md"}  # from the code, which is checked itself
_EXAMPLES = {"test_prose.py"}  # of these phrases


def files() -> Iterator[Path]:
    """What people read: the pages, and the code of tools, devices and tests."""
    yield from sorted(ROOT.glob("*.md"))
    for folder in (ROOT / "docs", ROOT / "boards"):
        yield from (each for each in sorted(folder.rglob("*.md")) if each.name not in _WRITTEN)
    for folder in (ROOT / "tools", LIB, FIRMWARE, ROOT / "host_tests"):
        yield from (each for each in sorted(folder.rglob("*.py")) if each.name not in _EXAMPLES)


def faults(paths: Iterable[Path] | None = None) -> list[str]:
    """Every phrase that is found, with its file and line and what to say instead."""
    found = []
    for path in files() if paths is None else paths:
        if path == Path(__file__):
            continue
        text = _words_of_code(path.read_text()) if path.suffix == ".py" else path.read_text()
        for phrase, instead in _FOUND.items():
            for hit in phrase.finditer(text):
                line = text.count("\n", 0, hit.start()) + 1
                said = " ".join(re.split(_BETWEEN, hit[0]))
                found.append(f'{path}:{line}: "{said}"; say "{instead}"')
    return sorted(found)


def _words_of_code(code: str) -> str:
    """The strings and comments alone, each where it stands; spaces for all else."""
    lines = code.splitlines(keepends=True)
    kept = [[" " if letter != "\n" else letter for letter in line] for line in lines]
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        name = tokenize.tok_name[token.type]
        if name not in ("STRING", "COMMENT", "FSTRING_MIDDLE"):
            continue
        (row, start), (last, end) = token.start, token.end
        for at in range(row, last + 1):
            begin, until = start if at == row else 0, end if at == last else len(lines[at - 1])
            kept[at - 1][begin:until] = lines[at - 1][begin:until]
    return "".join("".join(line) for line in kept)
