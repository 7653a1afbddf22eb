"""CRC-32 for a port whose binascii has none (ESP8266); imported only there."""


def crc32(data, value=0):
    """The checksum of the bytes, going on from `value`; that of IEEE 802.3 and zlib."""
    # In two halves: a whole one is more than a small integer holds, and would cost heap.
    high = value >> 16 ^ 0xFFFF
    low = value & 0xFFFF ^ 0xFFFF
    for byte in data:
        low ^= byte
        for _ in range(8):
            odd = low & 1
            low = low >> 1 | (high & 1) << 15
            high >>= 1
            if odd:
                high ^= 0xEDB8
                low ^= 0x8320
    return (high ^ 0xFFFF) << 16 | low ^ 0xFFFF
