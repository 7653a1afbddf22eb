// The functions that firmware finds in the RP2040's ROM, written anew: the ROM itself is not ours.
//
// Each is two instructions: a breakpoint, at which the emulator calls the JavaScript below, and a
// return. Datasheet 2.8.2 and 2.8.3: which there are, and how they are found.

const BREAKPOINT = 0xbe00, RETURN = 0x4770;
const FIRST = 0x200, SIZE = 16384;
const FUNCTIONS = 0x100, DATA = 0x180; // what the first argument of the look-up says

const code = (name) => name.charCodeAt(0) | (name.charCodeAt(1) << 8);
const f32 = new Float32Array(1), u32 = new Uint32Array(f32.buffer);
const toFloat = (bits) => ((u32[0] = bits), f32[0]);
const toBits = (float) => ((f32[0] = float), u32[0]);
const within = (x, low, high) => (Number.isNaN(x) ? 0 : Math.max(low, Math.min(high, Math.trunc(x))));

export class BootRom {
  // flash: see flash.mjs. Its erase() and program() may throw, for a power cut.
  constructor(mcu, flash) {
    this.mcu = mcu;
    this.bytes = new Uint8Array(SIZE);
    this.view = new DataView(this.bytes.buffer);
    this.handlers = [];
    this.free = FIRST;
    this.functions = new Map();
    this.data = new Map();
    this.#head();
    this.#bits();
    this.#memory();
    this.#flash(flash);
    this.#floats();
    for (const [name, address] of [["CR", 0x10], ["GR", 0x10], ["FZ", this.free]]) this.data.set(code(name), address);
    mcu.loadBootrom(new Uint32Array(this.bytes.buffer));
    mcu.onBreak = (number) => this.handlers[number]();
  }

  get r() {
    return this.mcu.core.registers;
  }

  // A function of the ROM; returns its address.
  #add(handler) {
    const address = this.free;
    this.view.setUint16(address, BREAKPOINT | (this.handlers.push(handler) - 1), true);
    this.view.setUint16(address + 2, RETURN, true);
    this.free += 4;
    return address | 1;
  }

  #named(name, handler) {
    this.functions.set(code(name), this.#add(handler));
  }

  #head() {
    this.view.setUint32(0, 0x20041f00, true); // stack
    this.view.setUint32(4, 0xeb, true);
    this.bytes.set([0x4d, 0x75, 1, 3], 0x10); // "Mu", 1, the version
    this.view.setUint16(0x14, FUNCTIONS, true);
    this.view.setUint16(0x16, DATA, true);
    const look = this.#add(() => {
      const table = this.r[0] === FUNCTIONS ? this.functions : this.data;
      this.r[0] = table.get(this.r[1] & 0xffff) ?? 0;
    });
    this.view.setUint16(0x18, look, true);
  }

  #bits() {
    const each = (name, f) => this.#named(name, () => (this.r[0] = f(this.r[0] >>> 0) >>> 0));
    each("P3", (n) => { let count = 0; for (; n; n >>>= 1) count += n & 1; return count; });
    each("R3", (n) => { let out = 0; for (let i = 0; i < 32; i++, n >>>= 1) out = (out << 1) | (n & 1); return out; });
    each("L3", (n) => Math.clz32(n));
    each("T3", (n) => (n ? 31 - Math.clz32(n & -n) : 32));
  }

  #memory() {
    const set = () => {
      const [to, value, count] = this.r;
      for (let i = 0; i < count; i++) this.mcu.writeUint8((to >>> 0) + i, value & 255);
    };
    const copy = () => {
      const [to, from, count] = this.r;
      for (let i = 0; i < count; i++) this.mcu.writeUint8((to >>> 0) + i, this.mcu.readUint8((from >>> 0) + i));
    };
    for (const name of ["MS", "S4"]) this.#named(name, set);
    for (const name of ["MC", "C4"]) this.#named(name, copy);
  }

  #flash(flash) {
    for (const name of ["IF", "EX", "FC", "CX"]) this.#named(name, () => {}); // modes of the chip
    this.#named("RE", () => flash.erase(this.r[0] >>> 0, this.r[1] >>> 0));
    this.#named("RP", () => {
      const [to, from, count] = this.r;
      const data = new Uint8Array(count);
      for (let i = 0; i < count; i++) data[i] = this.mcu.readUint8((from >>> 0) + i);
      flash.program(to >>> 0, data);
    });
  }

  // The table of single-precision functions, 2.8.3.2.1, by their offset in words. There is one for
  // double precision too, which MicroPython does not use on this chip.
  #floats() {
    const two = (f) => this.#add(() => (this.r[0] = toBits(f(toFloat(this.r[0]), toFloat(this.r[1])))));
    const one = (f) => this.#add(() => (this.r[0] = toBits(f(toFloat(this.r[0])))));
    const to = (f) => this.#add(() => (this.r[0] = f(toFloat(this.r[0])) >>> 0));
    const long = (low) => this.#add(() => {
      const value = BigInt(within(toFloat(this.r[0]), low, 9.2e18));
      this.r[0] = Number(value & 0xffffffffn);
      this.r[1] = Number((value >> 32n) & 0xffffffffn);
    });
    const wide = (high) => this.#add(() => (this.r[0] = toBits(Number((BigInt(high(this.r[1])) << 32n) | BigInt(this.r[0] >>> 0)))));
    const table = {
      0: two((a, b) => a + b), 1: two((a, b) => a - b), 2: two((a, b) => a * b), 3: two((a, b) => a / b),
      6: one(Math.sqrt), 15: one(Math.cos), 16: one(Math.sin), 17: one(Math.tan), 19: one(Math.exp), 20: one(Math.log),
      22: two(Math.atan2),
      7: to((x) => within(x, -2147483648, 2147483647)), 9: to((x) => within(x, 0, 4294967295)),
      8: this.#add(() => (this.r[0] = within(Math.floor(toFloat(this.r[0]) * 2 ** (this.r[1] | 0)), -2147483648, 2147483647) >>> 0)),
      11: this.#add(() => (this.r[0] = toBits(this.r[0] | 0))), 13: this.#add(() => (this.r[0] = toBits(this.r[0] >>> 0))),
      21: this.#add(() => { const [a, b] = [toFloat(this.r[0]), toFloat(this.r[1])]; this.r[0] = (a < b ? -1 : a > b ? 1 : 0) >>> 0; }),
      23: wide((n) => n | 0), 25: wide((n) => n >>> 0), 27: long(-9.2e18), 29: long(0),
      31: this.#add(() => {
        const out = new DataView(new ArrayBuffer(8));
        out.setFloat64(0, toFloat(this.r[0]), true);
        this.r[0] = out.getUint32(0, true);
        this.r[1] = out.getUint32(4, true);
      }),
    };
    const missing = this.#add(() => { throw new Error("a function of the ROM that the emulator lacks"); });
    for (const [name, known] of [["SF", table], ["SD", {}]]) {
      this.free = (this.free + 16) & ~15;
      this.bytes[this.free - 2] = 32; // how many there are stands before the table
      for (let i = 0; i < 32; i++) this.view.setUint32(this.free + 4 * i, known[i] ?? missing, true);
      this.data.set(code(name), this.free);
      this.free += 128;
    }
  }
}
