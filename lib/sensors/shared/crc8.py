"""The checksum of Sensirion's and ASAIR's parts: CRC-8, polynomial 0x31, start value 0xFF.

Source: Sensirion SHT3x-DIS datasheet, section 4.12, whose example is 0xBEEF -> 0x92.
"""


def crc8(data):
    """Return the checksum of some bytes; 0 if they end with their own checksum."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x131) if crc & 0x80 else crc << 1
    return crc
