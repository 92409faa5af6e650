// Live latency, from the camera's shutter to this screen. Two things are needed:
//
// - the offset between the device's clock and ours: pings over the channel "telemetry" are answered with the device's time; those
//   with the shortest round trip tell it best, to within half of that round trip;
// - the capture time of each frame: a few times a second the device says which RTP timestamp was captured when. The frames between
//   are counted from the nearest such pair, by the 90 kHz of the RTP clock.
//
// requestVideoFrameCallback gives the RTP timestamp of the frame on the screen and when it gets there.

const clockRate = 90; // RTP timestamp units a millisecond
const pingWindow = 20000; // ms that a measurement of the offset counts: two quartzes drift apart by about 1 ms in that time
const pairWindow = 2000; // ms that a pair may be away from the frame
const shownWindow = 1000; // ms that the median is taken over

export class Latency {
  #channel;
  #pings = [];
  #pairs = [];
  #shown = [];
  #lastID = 0;
  #timer = 0;

  /** @param {RTCDataChannel} channel the one labelled "telemetry" */
  constructor(channel) {
    this.#channel = channel;
    channel.addEventListener("open", () => this.#ping());
    channel.addEventListener("close", () => clearTimeout(this.#timer));
  }

  /** Takes messages `pong` and `frame`; false for others. */
  receive(message, now = performance.now()) {
    switch (message.type) {
      case "pong":
        if (!Number.isFinite(message.t) || !Number.isFinite(message.now)) return true;
        this.#pings.push({ at: now, roundTrip: now - message.t, offset: message.now / 1000 - (message.t + now) / 2 });
        this.#pings = this.#pings.filter(({ at }) => now - at < pingWindow);
        return true;
      case "frame":
        if (!Number.isFinite(message.rtp) || !Number.isFinite(message.captured)) return true;
        this.#pairs.push({ rtp: message.rtp, captured: message.captured / 1000 });
        if (this.#pairs.length > 16) this.#pairs.shift();
        return true;
      default:
        return false;
    }
  }

  /** A frame goes to the screen. */
  show({ rtpTimestamp, expectedDisplayTime }) {
    if (rtpTimestamp === undefined || this.#pings.length === 0 || this.#pairs.length === 0) return;
    const distance = ({ rtp }) => (rtpTimestamp - rtp) | 0; // signed, modulo 2^32
    const pair = this.#pairs.reduce((best, each) => (Math.abs(distance(each)) < Math.abs(distance(best)) ? each : best));
    const away = distance(pair) / clockRate;
    if (Math.abs(away) > pairWindow) return;
    const value = expectedDisplayTime + this.#best.offset - (pair.captured + away);
    if (value < -50 || value > 60000) return; // a clock that was set, not a latency
    this.#shown.push({ at: expectedDisplayTime, value: Math.max(0, value) });
  }

  /** Median of the last second in ms, or null. */
  value(now = performance.now()) {
    this.#shown = this.#shown.filter(({ at }) => now - at < shownWindow);
    if (this.#shown.length === 0) return null;
    const values = this.#shown.map(({ value }) => value).sort((a, b) => a - b);
    return values[values.length >> 1];
  }

  /** By how much the value can be wrong, in ms, or null: half of the shortest round trip. */
  get error() {
    return this.#pings.length ? this.#best.roundTrip / 2 : null;
  }

  get #best() {
    return this.#pings.reduce((best, ping) => (ping.roundTrip < best.roundTrip ? ping : best));
  }

  #ping() {
    if (this.#channel.readyState !== "open") return;
    this.#channel.send(JSON.stringify({ type: "ping", id: ++this.#lastID, t: performance.now() }));
    this.#timer = setTimeout(() => this.#ping(), this.#lastID < 8 ? 150 : 1000);
  }
}
