// Parts on a 1-Wire bus, slot by slot (DS18B20, 19-7487: figures 13 to 16).
//
// ask("write" hex) and ask("read" count) as the models have it, ask("search"): the ROMs, in hex.

const SEARCH = 0xf0, MATCH = 0x55, SKIP = 0xcc, READ = 0xbe;
const RESET_US = 400, ONE_US = 15; // the board's low: longer is a reset, shorter is a 1 or a read
const HOLD_US = 30; // how long a part holds the wire low for a 0

export class OneWireTarget {
  constructor(net, ask, clock) {
    this.net = net;
    this.ask = ask;
    this.clock = clock;
    net.pulledUp = true;
    net.update();
    this.release = clock.alarm(() => net.hold(this, null));
    this.presence = clock.alarm(() => {
      net.hold(this, 0);
      this.release.in(120);
    });
    this.expect([]);
    net.boardWatchers.add((level) => (level === 0 ? this.low() : this.high()));
  }

  expect(sent) {
    this.bits = [];
    this.sent = sent; // bytes of the command so far
    this.out = null; // bits to be sent; null: the board writes
    this.tree = null; // where a search is
  }

  low() {
    if (this.began !== undefined) return;
    this.began = this.clock.us;
    if (this.out && this.out.length && this.out.shift() === 0) {
      this.net.hold(this, 0);
      this.release.in(HOLD_US);
    }
  }

  high() {
    if (this.began === undefined) return;
    const us = this.clock.us - this.began;
    this.began = undefined;
    if (us > RESET_US) this.reset();
    else if (this.out === null) this.wrote(us < ONE_US ? 1 : 0);
    else if (!this.out.length) this.told();
  }

  reset() {
    this.expect([]);
    this.deaf = this.ask("reset") !== "1";
    if (!this.deaf) this.presence.in(30);
  }

  wrote(bit) {
    if (this.deaf) return;
    if (this.tree) return this.turn(bit);
    this.bits.push(bit);
    if (this.bits.length < 8) return;
    this.sent.push(this.bits.reduce((byte, each, place) => byte | (each << place), 0));
    this.bits = [];
    this.command();
  }

  command() {
    const [rom] = this.sent;
    if (rom === SEARCH) {
      this.tree = { roms: (this.ask("search") || "").split(" ").filter(Boolean).map(bits), place: 0 };
      this.offer();
    } else if (this.sent.length === { [MATCH]: 10, [SKIP]: 2 }[rom]) {
      this.ask("write", Buffer.from(this.sent).toString("hex"));
      if (this.sent.at(-1) === READ) this.out = bits(this.ask("read", 9));
      else this.expect([]);
    }
  }

  // All bits of an answer are out.
  told() {
    if (this.tree) this.out = null; // the board says where it goes on
  }

  // The next bit of the ROMs that are left, and its complement: both 0 where they differ.
  offer() {
    const found = new Set(this.tree.roms.map((rom) => rom[this.tree.place]));
    this.out = [found.has(0) ? 0 : 1, found.has(1) ? 0 : 1];
  }

  turn(bit) {
    const { roms, place } = this.tree;
    this.tree = { roms: roms.filter((rom) => rom[place] === bit), place: place + 1 };
    if (place === 63) this.expect([]);
    else this.offer();
  }
}

function bits(hex) {
  return [...Buffer.from(hex, "hex")].flatMap((byte) => [0, 1, 2, 3, 4, 5, 6, 7].map((i) => (byte >> i) & 1));
}
