"""What MQTT 1.5.3 allows as text. Imported for a topic that is not plain ASCII."""


def check_text(raw):
    """ValueError unless these bytes are well-formed UTF-8. [MQTT-1.5.3-1]

    MicroPython looks at the form of a sequence alone: surrogates, and longer forms than needed,
    it lets pass.
    """
    size = 0
    for character in str(raw, "utf-8"):
        if not 0xD7FF < ord(character) < 0xE000:
            size += len(chr(ord(character)).encode())
    if size != len(raw):
        raise ValueError("%r is not well-formed UTF-8" % raw)
