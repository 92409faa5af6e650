import { player } from "./start.js";
import { View } from "./view.js";
import { StatisticsView } from "./stats.js";
import { TelemetryView, resolve } from "./telemetry.js";
import { ControlsView } from "./controls.js";

const $ = (id) => document.getElementById(id);

const view = new View(player);
const statistics = new StatisticsView($("statistics-list"));
const telemetry = new TelemetryView($("sensors"), $("sensors-empty"));
const controls = new ControlsView($("controls"), $("controls-empty"));
let lastTelemetry = null;
let device = null;

async function meetDevice() {
  try {
    device = await controls.load(player.rpc);
    view.showDevice(device);
  } catch (error) {
    console.warn(`The device did not say what it is: ${error.message}`);
  }
}
player.addEventListener("ready", meetDevice);
if (player.rpc?.isOpen) meetDevice(); // it was faster than the rest of the page

player.addEventListener("state", () => {
  controls.disabled = player.state.name === "waiting";
});

player.addEventListener("statistics", () => {
  const { width, height } = player.statistics;
  controls.showSize(width, height);
  if (!$("statistics").hidden) statistics.show(player.statistics);
});

player.addEventListener("telemetry", ({ detail }) => {
  if (detail?.type !== "telemetry") return;
  lastTelemetry = detail;
  telemetry.show(resolve(detail.senml));
});

/** For tests and the curious; read-only. */
window.perch = Object.freeze({
  get state() { return player.state.name; },
  get status() { return player.state.title; },
  get latency() { return player.latency?.value() ?? null; },
  /** By how much that can be wrong. */
  get latencyError() { return player.latency?.error ?? null; },
  get stats() { return player.statistics; },
  get telemetry() { return lastTelemetry; },
  get device() { return device; },
  /** Milliseconds from the start of the script to the first frame on the screen. */
  get firstFrame() { return player.firstFrameAt === null ? null : player.firstFrameAt - player.startedAt; },
  get firstFrameSinceNavigation() { return player.firstFrameAt; },
  rpc: (method, parameters) => player.rpc.call(method, parameters),
  reconnect: () => player.connect(),
});
