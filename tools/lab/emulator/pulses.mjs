// Parts that speak in pulses: DHT11 and DHT22, an HC-SR04, WS2812 lights, and what PWM drives.

// Levels from now on: pairs of level (null lets go) and microseconds.
function play(net, who, clock, wave) {
  const steps = [...wave];
  const next = clock.alarm(() => {
    const step = steps.shift();
    net.hold(who, step ? step[0] : null);
    if (step) next.in(step[1]);
  });
  next.in(0);
}

// ask(): five bytes in hex, or "" from a part that does not answer.
export class Dht {
  constructor(net, ask, clock) {
    net.pulledUp = true;
    net.update();
    let began = null;
    net.boardWatchers.add((level) => {
      if (level === 0) began ??= clock.us;
      else if (began !== null) {
        const us = clock.us - began;
        began = null;
        if (us >= 800) this.answer(net, ask(), clock); // the start signal is 1 to 20 ms
      }
    });
  }

  answer(net, hex, clock) {
    if (!hex) return;
    const wave = [[null, 30], [0, 80], [null, 80]];
    for (const byte of Buffer.from(hex, "hex")) for (let i = 7; i >= 0; i--) wave.push([0, 50], [null, (byte >> i) & 1 ? 70 : 26]);
    wave.push([0, 50]);
    play(net, this, clock, wave);
  }
}

// ask(): how long ECHO is high in us, 0 if never.
export class Ultrasonic {
  constructor(trigger, echo, ask, clock) {
    let began = null;
    echo.hold(this, 0);
    trigger.boardWatchers.add((level) => {
      if (level === 1) began ??= clock.us;
      else if (began !== null) {
        const us = clock.us - began;
        began = null;
        const high = us >= 10 ? ask() : 0;
        if (high) play(echo, this, clock, [[0, 250], [1, high], [0, 0]]);
      }
    });
  }
}

// tell(hex) the bytes of a transmission, when it is over.
export class Lights {
  constructor(net, tell, clock) {
    this.bits = [];
    let rose = 0;
    const over = clock.alarm(() => {
      const bytes = [];
      for (let i = 0; i + 8 <= this.bits.length; i += 8) bytes.push(parseInt(this.bits.slice(i, i + 8).join(""), 2));
      this.bits = [];
      tell(Buffer.from(bytes).toString("hex"));
    });
    net.watchers.add((level) => {
      if (level) {
        rose = clock.us;
        over.cancel();
      } else if (rose) {
        this.bits.push(clock.us - rose > 0.6 ? 1 : 0);
        over.in(50);
      }
    });
  }
}

// What a pin does by itself: its last period and its last time at high, in us, and its edges.
export class Meter {
  constructor(net, clock) {
    this.edges = 0;
    this.period = this.high = 0;
    let rose = null;
    net.watchers.add((level) => {
      this.edges++;
      if (level) {
        if (rose !== null) this.period = clock.us - rose;
        rose = clock.us;
      } else if (rose !== null) this.high = clock.us - rose;
    });
  }
}

export { play };
