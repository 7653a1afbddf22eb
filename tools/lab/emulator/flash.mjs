// The flash chip: erasing sets bits, programming clears them, and the power may go meanwhile.

export const SECTOR = 4096;

export class PowerCut extends Error {}

export class Flash {
  // bytes: all of it, shared with the emulated chip
  constructor(bytes) {
    this.bytes = bytes;
    this.operations = 0; // sectors erased and pages programmed, since it was made
    this.cutAt = 0; // the operation in which the power goes; 0: never
    this.torn = 0.5; // how much of that one is done before
  }

  erase(at, count) {
    for (let sector = at; sector < at + count; sector += SECTOR) {
      const done = this.#begin(SECTOR);
      this.bytes.fill(0xff, sector, sector + done);
      this.#end();
    }
  }

  program(at, data) {
    for (let page = 0; page < data.length; page += 256) {
      const done = this.#begin(256);
      for (let i = 0; i < done; i++) this.bytes[at + page + i] &= data[page + i];
      this.#end();
    }
  }

  #begin(size) {
    this.operations++;
    return this.operations === this.cutAt ? Math.floor(size * this.torn) : size;
  }

  #end() {
    if (this.operations === this.cutAt) throw new PowerCut();
  }
}
