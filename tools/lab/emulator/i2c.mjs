// The parts on an I2C bus, bit by bit (UM10204): one target that answers for all of them.
//
// ask(what, address, hex) asks the models: "?", "read" and "write"; null: no acknowledgement.

export class I2cTarget {
  // held: a part holds SDA low; ask("clock") says whether it still does after another clock
  constructor(sda, scl, ask, held) {
    this.sda = sda;
    this.scl = scl;
    this.ask = ask;
    sda.pulledUp = scl.pulledUp = true;
    sda.update();
    scl.update();
    this.idle();
    this.held = held;
    if (held) sda.hold("fault", 0);
    sda.watchers.add((level) => this.scl.level && (level ? this.stop() : this.start()));
    scl.watchers.add((level) => (level ? this.rise() : this.fall()));
  }

  idle() {
    this.state = "idle";
    this.sda.hold(this, null);
  }

  start() {
    this.flush();
    this.state = "address";
    this.bits = this.byte = 0;
    this.data = [];
    this.sda.hold(this, null);
  }

  stop() {
    this.flush();
    this.idle();
  }

  // What was written goes to the part in one piece, as a part takes it when the transfer ends.
  flush() {
    if (this.state === "write" && this.data.length) this.ask("write", this.address, Buffer.from(this.data).toString("hex"));
    this.data = [];
  }

  rise() {
    if (this.held && !(this.held = this.ask("clock"))) this.sda.hold("fault", null);
    if (this.state === "address" || this.state === "write") {
      if (this.bits < 8) this.byte = (this.byte << 1) | this.sda.level;
      this.bits++;
    } else if (this.state === "read") {
      this.bits++;
      if (this.bits === 9 && this.sda.level) this.state = "done"; // the board has had enough
    }
  }

  fall() {
    if (this.state === "read") this.send();
    else if (this.bits === 8) this.sda.hold(this, this.taken() ? 0 : null);
    else if (this.bits === 9) this.next();
  }

  // A byte is complete: is it acknowledged?
  taken() {
    if (this.state === "write") {
      this.data.push(this.byte);
      return true;
    }
    if (this.state !== "address") return false;
    this.address = this.byte >> 1;
    if (this.byte & 1) {
      const found = this.ask("read", this.address);
      this.following = found === null ? "idle" : "read";
      this.bytes = found === null ? null : Buffer.from(found, "hex");
      return found !== null;
    }
    const there = this.ask("?", this.address) !== null;
    this.following = there ? "write" : "idle";
    return there;
  }

  // The acknowledgement is over.
  next() {
    this.sda.hold(this, null);
    if (this.state === "address") this.state = this.following;
    this.bits = this.byte = 0;
    if (this.state === "read") {
      this.at = -1;
      this.bits = 9;
      this.send();
    } else if (this.state === "idle") this.idle();
  }

  send() {
    if (this.bits === 9) {
      this.bits = 0;
      this.at++;
      this.byte = this.at < this.bytes.length ? this.bytes[this.at] : 0xff;
    }
    const bit = this.bits < 8 ? (this.byte >> (7 - this.bits)) & 1 : 1;
    this.sda.hold(this, bit ? null : 0);
  }
}

// The same parts for a peripheral of the chip, machine.I2C: whole bytes, and no time on the wire.
export function attach(peripheral, ask) {
  let address = 0, written = [], answer = null, at = 0;
  const flush = () => {
    if (written.length) ask("write", address, Buffer.from(written).toString("hex"));
    written = [];
  };
  peripheral.onStart = () => {
    flush();
    peripheral.completeStart();
  };
  peripheral.onConnect = (to, reads) => {
    address = to;
    const found = ask(reads ? "read" : "?", to);
    answer = Buffer.from(found ?? "", "hex");
    at = 0;
    peripheral.completeConnect(found !== null);
  };
  peripheral.onWriteByte = (byte) => {
    written.push(byte);
    peripheral.completeWrite(true);
  };
  peripheral.onReadByte = () => peripheral.completeRead(at < answer.length ? answer[at++] : 0xff);
  peripheral.onStop = () => {
    flush();
    peripheral.completeStop();
  };
}
