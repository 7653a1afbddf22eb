"""The checksum of Sensirion's and ASAIR's parts: CRC-8, polynomial 0x31, begun with 0xFF.

Source: Sensirion SHT3x-DIS datasheet, 4.12; there 0xBEEF has 0x92.
"""


def crc8(data):
    """Return the checksum of bytes; 0 for bytes that end with their own."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x131) if crc & 0x80 else crc << 1
    return crc
