// The pins of the board as wires: what the board drives, what is connected, and the pulls.

const LOW = 0, HIGH = 1, PULL_UP = 3; // states of a pin, as rp2040js names them

export class Net {
  constructor(gpio) {
    this.gpio = gpio;
    this.held = new Map(); // who holds the wire, and at which level
    this.pulledUp = false; // by a resistor outside
    this.watchers = new Set(); // called with the level, whenever it changes
    this.boardWatchers = new Set(); // called with what the board drives: 0, 1, or null
    this.level = 0;
    gpio.addListener(() => {
      for (const watch of this.boardWatchers) watch(this.board);
      this.update();
    });
    this.update();
  }

  get board() {
    const state = this.gpio.value;
    return state === LOW ? 0 : state === HIGH ? 1 : null;
  }

  // Somebody outside holds the wire at a level, or with null lets it go.
  hold(who, level) {
    if (level === null) this.held.delete(who);
    else this.held.set(who, level);
    this.update();
  }

  update() {
    const levels = [...this.held.values()];
    if (this.board !== null) levels.push(this.board);
    const free = this.pulledUp || this.gpio.value === PULL_UP ? 1 : 0;
    const level = levels.length ? Math.min(...levels) : free;
    if (level === this.level) return;
    this.level = level;
    this.gpio.setInputValue(level === 1);
    for (const watch of this.watchers) watch(level);
  }
}
