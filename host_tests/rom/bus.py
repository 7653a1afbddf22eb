# An I2C bus with a BME280 on it.


class SoftI2C:
    """A BME280 and nothing else."""

    def __init__(self, **_):
        pass

    def readfrom_mem_into(self, _, register, buffer):
        for i in range(len(buffer)):
            buffer[i] = 0x60 if register == 0xD0 else 0 if register == 0xF3 else 0x55

    def writeto_mem(self, *_):
        pass

    def writeto(self, *_):
        pass

    def readfrom_into(self, _, buffer):
        for i in range(len(buffer)):
            buffer[i] = 0x55

    def scan(self):
        return []
