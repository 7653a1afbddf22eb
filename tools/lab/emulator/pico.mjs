// A Raspberry Pi Pico: the chip of rp2040js, a ROM, a flash chip, USB on a TCP port, and wires.
//
//   node pico.mjs FIRMWARE.uf2 FLASH.bin ASK TOLD
//
// FLASH.bin is the chip's content: read if it exists, written when the power goes. Commands come in
// on standard input, answers and events go out on standard output, one JSON object a line. What
// the models of the parts are asked goes out on the file descriptor ASK, and the emulation stands
// still until the answer has come on TOLD.
import fs from "node:fs";
import net from "node:net";
import readline from "node:readline";
import { ConsoleLogger, LogLevel, Simulator, USBCDC } from "rp2040js";
import { BootRom } from "./bootrom.mjs";
import { Flash, PowerCut } from "./flash.mjs";
import { I2cTarget, attach } from "./i2c.mjs";
import { Net } from "./nets.mjs";
import { OneWireTarget } from "./onewire.mjs";
import { Dht, Lights, Meter, Ultrasonic, play } from "./pulses.mjs";

const [firmware, flashFile, ASK, TOLD] = process.argv.slice(2);
const CYCLE_NS = 8; // 125 MHz
const SLICE = 10_000; // instructions between two looks at what comes in
const FLASH_BYTES = 2 * 1024 * 1024;
const XIP = 0x10000000;

const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");

// --- what the models are asked

let rest = "";
function ask(...what) {
  fs.writeSync(+ASK, JSON.stringify([board.clock.us, ...what]) + "\n");
  const buffer = Buffer.alloc(65536);
  while (!rest.includes("\n")) {
    const count = fs.readSync(+TOLD, buffer);
    if (!count) process.exit(0); // whoever asked for the board has gone
    rest += buffer.toString("utf8", 0, count);
  }
  const end = rest.indexOf("\n");
  const answer = JSON.parse(rest.slice(0, end));
  rest = rest.slice(end + 1);
  return answer;
}

// --- the board

// In place of rp2040js's own, which forgets all that is due before the alarm that is taken out.
function unlink(alarm) {
  let last = null;
  for (let item = this.nextAlarm; item; last = item, item = item.next) {
    if (item !== alarm) continue;
    if (last) last.next = item.next;
    else this.nextAlarm = item.next;
    return true;
  }
  return false;
}

class Board {
  constructor(parts, bytes, reset) {
    const { clock, rp2040 } = new Simulator(); // stepped here, in run()
    this.simulated = clock;
    clock.unlinkAlarm = unlink;
    this.mcu = rp2040;
    this.clock = {
      alarm: (f) => {
        const alarm = this.simulated.createAlarm(f);
        return { in: (us) => alarm.schedule(us * 1000), cancel: () => alarm.cancel() };
      },
    };
    const began = reset ? reset.us : 0; // the world's time goes on over a reset
    Object.defineProperty(this.clock, "us", { get: () => began + this.simulated.micros });
    this.mcu.logger = new ConsoleLogger(LogLevel.Error);
    this.flash = new Flash(this.mcu.flash);
    new BootRom(this.mcu, this.flash); // which resets the chip, and rp2040js the flash with it
    this.mcu.flash.set(bytes);
    this.nets = this.mcu.gpio.map((gpio) => new Net(gpio));
    this.meters = this.nets.map((each) => new Meter(each, this.clock));
    for (const part of parts) this.connect(part);
    this.mcu.adc.onADCRead = (channel) => {
      this.mcu.adc.currentChannel = channel;
      const volts = channel === 4 ? 0.706 : ask("adc", 26 + channel) / 1e6;
      this.mcu.adc.channelValues[channel] = Math.max(0, Math.min(4095, Math.floor((volts / 3.3) * 4096)));
      this.mcu.adc.sampleAlarm.schedule(2000);
    };
    this.watchdog = Object.values(this.mcu.peripherals).find((each) => each.onWatchdogTrigger);
    this.watchdog.onWatchdogTrigger = () => (this.wants = "reset");
    this.#bite();
    if (reset) {
      this.watchdog.reason = reset.reason;
      this.watchdog.scratchData.set(reset.scratch);
    }
    this.usb = new USBCDC(this.mcu.usbCtrl);
    this.usb.onSerialData = (data) => serial.toHost(Buffer.from(data));
    this.usb.onDeviceConnected = () => tell({ event: "usb" });
    this.mcu.core.PC = XIP;
  }

  // The end of the watchdog's time, which rp2040js does not see: LOAD counts down twice in a us.
  #bite() {
    const { watchdog } = this;
    const write = watchdog.writeUint32.bind(watchdog);
    const over = this.clock.alarm(() => {
      watchdog.reason = 1;
      this.wants = "reset";
    });
    watchdog.alarm.schedule = () => {}; // its own, to a time that has passed long ago
    let load = 0;
    watchdog.writeUint32 = (offset, value) => {
      write(offset, value);
      if (offset === 4) load = value & 0xffffff;
      if (watchdog.enable) over.in(load / 2);
      else over.cancel();
    };
  }

  // What a reset does not clear.
  get left() {
    return { us: this.clock.us, reason: this.watchdog.reason, scratch: this.watchdog.scratchData };
  }

  connect({ kind, pins, held }) {
    const at = pins.map((pin) => this.nets[pin]);
    const where = pins.join(",");
    const model = (...what) => ask(kind, where, ...what);
    if (kind === "i2c") {
      new I2cTarget(at[0], at[1], model, held);
      attach(this.mcu.i2c[(pins[0] >> 1) & 1], model); // table 2 of the datasheet: by pairs of pins
    }
    else if (kind === "onewire") new OneWireTarget(at[0], model, this.clock);
    else if (kind === "dht") new Dht(at[0], model, this.clock);
    else if (kind === "echo") new Ultrasonic(at[0], at[1], model, this.clock);
    else if (kind === "lights") new Lights(at[0], (hex) => model(hex), this.clock);
    else throw new Error(`no part of kind ${kind}`);
  }

  // So many instructions; false when it cannot go on.
  run(count) {
    const { core } = this.mcu;
    const clock = this.simulated;
    for (let i = 0; i < count && !this.wants; i++) {
      if (core.waiting) {
        const ns = Math.min(clock.nanosToNextAlarm || 1000, 1_000_000);
        clock.tick(ns);
        i += ns / CYCLE_NS / 50;
      } else clock.tick(core.executeInstruction() * CYCLE_NS);
    }
  }
}

// --- USB, as a TCP port

const serial = {
  socket: null,
  waiting: [], // for the board: its USB takes 512 bytes at a time
  toHost(data) {
    this.socket?.write(data);
  },
  toBoard() {
    const fifo = board?.usb.txFIFO;
    while (fifo && this.waiting.length && fifo.itemCount < 256) board.usb.sendSerialByte(this.waiting.shift());
  },
};
const server = net.createServer((socket) => {
  serial.socket = socket;
  serial.waiting = [];
  socket.on("data", (data) => serial.waiting.push(...data));
  socket.on("error", () => {});
  socket.on("close", () => (serial.socket = serial.socket === socket ? null : serial.socket));
});

// --- running it

let board = null;
let parts = [];
let bytes = load(flashFile, firmware);

function load(file, image) {
  if (fs.existsSync(file)) return fs.readFileSync(file);
  const all = new Uint8Array(FLASH_BYTES).fill(0xff);
  const uf2 = fs.readFileSync(image);
  for (let at = 0; at < uf2.length; at += 512) {
    const to = uf2.readUInt32LE(at + 12) - XIP;
    all.set(uf2.subarray(at + 32, at + 32 + uf2.readUInt32LE(at + 16)), to);
  }
  return all;
}

function turn() {
  if (!board) return;
  serial.toBoard();
  try {
    board.run(SLICE);
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
    return powerOff("cut");
  }
  if (board.wants === "reset") {
    const { left, flash } = board;
    tell({ event: "reset", reason: left.reason });
    const next = new Board(parts, flash.bytes.subarray(0, FLASH_BYTES), left);
    Object.assign(next.flash, { operations: flash.operations, cutAt: flash.cutAt, torn: flash.torn });
    board = next;
  }
  setImmediate(turn);
}

function powerOff(event) {
  bytes = board.flash.bytes.slice(0, FLASH_BYTES);
  const { operations } = board.flash;
  board = null;
  fs.writeFileSync(flashFile, bytes);
  tell({ event, operations });
}

const commands = {
  // parts: [{kind, pins}]
  on({ parts: wanted }) {
    parts = wanted;
    board = new Board(parts, fs.existsSync(flashFile) ? fs.readFileSync(flashFile) : bytes, null);
    setImmediate(turn);
  },
  off() {
    if (board) powerOff("off");
  },
  // level: 0, 1, or null to let go
  pin({ pin, level }) {
    board.nets[pin].hold("test", level);
  },
  // pins: [[pin, [[level, us], ...]], ...]
  waves({ pins }) {
    for (const [pin, wave] of pins) play(board.nets[pin], "test", board.clock, wave);
  },
  look({ pin }) {
    const { level } = board.nets[pin];
    const { edges, period, high } = board.meters[pin];
    return { level, edges, period, high };
  },
  // cutAt: an operation from now on, 0 for none; torn: see flash.mjs
  flash({ cutAt = 0, torn = 0.5 }) {
    Object.assign(board.flash, { cutAt: cutAt && board.flash.operations + cutAt, torn });
    return { operations: board.flash.operations };
  },
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, do: name, ...more } = JSON.parse(line);
  tell({ id, answer: commands[name](more) ?? null });
}).on("close", () => process.exit(0));
server.listen(0, "127.0.0.1", () => tell({ event: "port", port: server.address().port }));
