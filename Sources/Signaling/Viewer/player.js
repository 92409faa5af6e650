// One connection after the other: connects, watches that the picture moves, and connects again when it does not.
//
//   connecting ──first frame──▶ live ◀──frame──▶ stalled (no frame for a while)
//       ▲                        │                  │
//       └── after a pause ── waiting ◀── lost ──────┘

import { WHEPSession, WHEPError } from "./whep.js";
import { RPC } from "./rpc.js";
import { Latency } from "./latency.js";
import { Statistics } from "./stats.js";

const firstPause = 500; // ms, doubled with each failure
const longestPause = 5000;
const refusedPause = 30000; // after an answer that will not change soon
const connectTimeout = 12000;
const interruptionTimeout = 2500; // ms that ICE may be interrupted: a change of network mends itself within it, or not at all
const stallAfter = 2500; // ms without a frame
const silentAfter = 1500; // ms without a single byte, though telemetry comes each second and sound and picture more often
const deadAfter = 4000;
const hopelessAfter = 15000; // ms of bytes without a frame
const settledAfter = 5000; // ms of live picture after which the pauses start small again

export class Player extends EventTarget {
  #endpoint;
  #video;
  #connection = null;
  #session = null;
  #attempts = 0;
  #state = { name: "connecting", title: "Connecting…", detail: "", retryAt: null };
  #timers = new Set();
  #tick = 0;
  #since = { live: 0, frame: 0, bytes: 0 };
  #counts = { frames: 0, bytes: 0 };

  /** The browser does not play without a click. */
  isBlocked = false;
  rpc = null;
  latency = null;
  /** The newest statistics, or null. */
  statistics = null;
  /** When the page asked for the first picture and when it was there, by performance.now(). */
  startedAt = null;
  firstFrameAt = null;

  /**
   * Events: `state`; `statistics`; `telemetry` (detail: the message); `ready`: the channel for commands is open; `tracks`: sound came or
   * went; `blocked`: the browser does not play without a click; `leaving`: the picture is about to go.
   *
   * @param {HTMLVideoElement} video
   * @param {string} endpoint of WHEP
   */
  constructor(video, endpoint) {
    super();
    this.#video = video;
    this.#endpoint = endpoint;
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", ({ persisted }) => persisted && this.connect());
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.#touch(); // a hidden page is not told about frames
      this.#hurry();
    });
    this.#watchFrames();
  }

  /** `{ name, title, detail, retryAt }`; name is connecting, live, stalled or waiting. */
  get state() {
    return this.#state;
  }

  get hasSound() {
    return this.#connection?.getReceivers().some(({ track }) => track.kind === "audio" && track.readyState === "live" && !track.muted) ?? false;
  }

  /** Connects, anew if need be. */
  async connect() {
    this.#close();
    this.startedAt ??= performance.now();
    this.#touch();
    if (this.#attempts === 0) this.#enter("connecting", "Connecting…");
    else this.#enter("connecting", "Connecting again…");

    const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    const isCurrent = () => this.#connection === connection;
    this.#connection = connection;
    const { receiver } = connection.addTransceiver("video", { direction: "recvonly" });
    connection.addTransceiver("audio", { direction: "recvonly" });
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0; // as little delay as the network allows
    const control = connection.createDataChannel("control");
    const telemetry = connection.createDataChannel("telemetry", { ordered: false, maxRetransmits: 0 });
    this.rpc = new RPC(control);
    this.latency = new Latency(telemetry);
    const statistics = new Statistics(connection);

    const stream = new MediaStream();
    connection.addEventListener("track", ({ track }) => {
      stream.addTrack(track);
      // The old picture stays until the new one can come.
      if (!this.#video.srcObject) this.#attach(stream);
      track.addEventListener("unmute", () => isCurrent() && this.#notify("tracks"));
    });
    connection.addEventListener("connectionstatechange", () => {
      if (!isCurrent()) return;
      switch (connection.connectionState) {
        case "connected":
          this.#touch();
          if (this.#video.srcObject !== stream) this.#attach(stream);
          if (this.#state.name !== "live") this.#enter("connecting", "Connected. The picture is coming…");
          break;
        case "disconnected":
          this.#after(interruptionTimeout, () => {
            if (isCurrent() && connection.connectionState === "disconnected") this.#lose("The connection was interrupted");
          });
          break;
        case "failed":
          this.#lose(this.#since.live ? "The connection was lost" : "No way to the device was found", this.#since.live ? "" : blockedHint);
          break;
      }
    });
    control.addEventListener("open", () => isCurrent() && this.#notify("ready"));
    control.addEventListener("close", () => isCurrent() && this.#lose("The device ended the connection"));
    telemetry.addEventListener("message", ({ data }) => isCurrent() && this.#receive(data));

    const session = new WHEPSession(this.#endpoint, connection);
    this.#session = session;
    this.#after(connectTimeout, () => {
      if (isCurrent() && connection.connectionState !== "connected") this.#lose("No way to the device was found", blockedHint);
    });
    this.#tick = setInterval(() => this.#check(connection, statistics), 1000);
    try {
      await session.start();
    } catch (error) {
      if (!isCurrent()) return;
      if (error instanceof WHEPError) {
        const isFinal = error.status >= 400 && error.status < 500 && error.status !== 429 && error.status !== 408;
        this.#lose(error.message, error.detail, isFinal ? refusedPause : error.retryAfter);
      } else {
        console.error(error);
        this.#lose("The answer of the device cannot be used", String(error.message ?? error), refusedPause);
      }
    }
  }

  // The picture

  #attach(stream) {
    this.#video.srcObject = stream;
    this.#video.play().catch((error) => {
      if (error.name !== "NotAllowedError") return;
      this.isBlocked = true;
      this.#notify("blocked");
    });
  }

  #watchFrames() {
    if (!this.#video.requestVideoFrameCallback) return;
    const next = () =>
      this.#video.requestVideoFrameCallback((_, metadata) => {
        this.latency?.show(metadata);
        this.#seeFrame();
        next();
      });
    next();
  }

  #seeFrame() {
    const now = performance.now();
    this.#since.frame = now;
    this.firstFrameAt ??= now;
    if (this.#state.name === "live" || this.#connection?.connectionState !== "connected") return;
    if (!this.#since.live) this.#since.live = now;
    this.#enter("live", "Live");
  }

  #receive(data) {
    this.#since.bytes = performance.now();
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (!this.latency.receive(message)) this.dispatchEvent(new CustomEvent("telemetry", { detail: message }));
  }

  // Is it alive?

  async #check(connection, statistics) {
    const values = await statistics.read().catch(() => null);
    if (!values || this.#connection !== connection) return;
    this.statistics = { ...values, latency: this.latency.value(), latencyError: this.latency.error };
    const now = performance.now();
    if (values.bytesReceived > this.#counts.bytes) this.#since.bytes = now;
    if (values.framesDecoded > this.#counts.frames && !this.#video.requestVideoFrameCallback) this.#seeFrame();
    this.#counts = { frames: values.framesDecoded, bytes: values.bytesReceived };
    this.#notify("statistics");
    if (this.#since.live && now - this.#since.live > settledAfter && this.#state.name === "live") this.#attempts = 0;

    if (document.visibilityState !== "visible" || connection.connectionState !== "connected") return;
    const withoutFrame = now - this.#since.frame;
    const withoutBytes = now - this.#since.bytes;
    if (withoutBytes > silentAfter) {
      // ICE takes many seconds to say so; a process that has ended shows at once.
      const isReachable = await this.#session.isReachable();
      if (this.#connection !== connection) return;
      if (!isReachable) return this.#lose("The device is not answering");
    }
    if (withoutBytes > deadAfter) this.#lose("The device has gone silent");
    else if (withoutFrame > hopelessAfter) this.#lose("The picture does not come back");
    else if (withoutFrame > stallAfter && this.#state.name !== "stalled") {
      const title = this.#since.live ? "The picture has stopped" : "Waiting for the picture";
      this.#enter("stalled", title, "The device is connected. It may be looking for its camera.");
      this.rpc.call("video.keyframe").catch(() => {});
    }
  }

  /** Nothing is overdue now. */
  #touch() {
    const now = performance.now();
    this.#since.frame = now;
    this.#since.bytes = now;
  }

  // Losing and trying again

  #lose(title, detail = "", atLeast = 0) {
    this.#close();
    const backoff = Math.min(longestPause, firstPause * 2 ** this.#attempts) * (0.75 + 0.5 * Math.random());
    const pause = Math.max(backoff, atLeast);
    this.#attempts += 1;
    this.#enter("waiting", title, detail, performance.now() + pause);
    this.#after(pause, () => this.connect());
  }

  /** The network or the person came back: no point in waiting on. */
  #hurry() {
    if (this.#state.name === "waiting") this.connect();
  }

  #close() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    clearInterval(this.#tick);
    const connection = this.#connection;
    if (connection) this.#notify("leaving");
    this.#connection = null; // its last events are not ours any more
    this.#session?.close();
    this.#session = null;
    connection?.close();
    this.#since.live = 0;
    this.#counts = { frames: 0, bytes: 0 };
  }

  #after(milliseconds, action) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, milliseconds);
    this.#timers.add(timer);
  }

  #enter(name, title, detail = "", retryAt = null) {
    this.#state = { name, title, detail, retryAt };
    this.#notify("state");
  }

  #notify(type) {
    this.dispatchEvent(new Event(type));
  }
}

const blockedHint = "The page was reached, but not the picture: something between here and the device may block UDP.";
