// What getStats says, in numbers that people ask for. Names after W3C webrtc-stats; both Chromium and Firefox have all of these.

/** Reads a connection's statistics once a second and compares with the time before. */
export class Statistics {
  #connection;
  #before = null;

  constructor(connection) {
    this.#connection = connection;
  }

  async read() {
    const report = [...(await this.#connection.getStats()).values()];
    const inbound = (kind) => report.find((entry) => entry.type === "inbound-rtp" && entry.kind === kind) ?? {};
    const byID = (id) => report.find((entry) => entry.id === id);
    const transport = report.find((entry) => entry.type === "transport");
    const pair =
      byID(transport?.selectedCandidatePairId) ??
      report.find((entry) => entry.type === "candidate-pair" && entry.state === "succeeded" && (entry.selected || entry.nominated));
    const now = { video: inbound("video"), audio: inbound("audio") };
    const { video, audio } = this.#before ?? now;
    this.#before = now;
    const seconds = (now.video.timestamp - video.timestamp) / 1000;
    const difference = (name, a = now.video, b = video) => (a[name] ?? 0) - (b[name] ?? 0);
    const per = (value, count) => (count > 0 ? value / count : null);

    const lost = difference("packetsLost");
    const received = difference("packetsReceived");
    return {
      width: now.video.frameWidth ?? 0,
      height: now.video.frameHeight ?? 0,
      codec: (byID(now.video.codecId)?.mimeType ?? "").replace("video/", ""),
      framesDecoded: now.video.framesDecoded ?? 0,
      framesDropped: now.video.framesDropped ?? 0,
      framesPerSecond: per(difference("framesDecoded"), seconds),
      videoBitrate: per(difference("bytesReceived") * 8, seconds),
      audioBitrate: per(difference("bytesReceived", now.audio, audio) * 8, seconds),
      bytesReceived: (now.video.bytesReceived ?? 0) + (now.audio.bytesReceived ?? 0),
      packetsLost: now.video.packetsLost ?? 0,
      loss: received + lost > 0 ? Math.max(0, lost / (received + lost)) : 0,
      nacks: now.video.nackCount ?? 0,
      keyframeRequests: now.video.pliCount ?? 0,
      freezes: now.video.freezeCount ?? 0,
      freezeSeconds: now.video.totalFreezesDuration ?? 0,
      // Both are sums of seconds over frames.
      jitterBufferDelay: per(1000 * difference("jitterBufferDelay"), difference("jitterBufferEmittedCount")),
      decodeTime: per(1000 * difference("totalDecodeTime"), difference("framesDecoded")),
      roundTrip: pair?.currentRoundTripTime === undefined ? null : 1000 * pair.currentRoundTripTime,
      path: describe(byID(pair?.localCandidateId), byID(pair?.remoteCandidateId)),
    };
  }
}

function describe(local, remote) {
  if (!remote) return "";
  const relayed = local?.candidateType === "relay" || remote.candidateType === "relay";
  return `${relayed ? "relayed" : "direct"}, ${(remote.protocol ?? "udp").toUpperCase()}`;
}

const milliseconds = (value) => (value === null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);
const bitrate = (value) => (value === null ? "–" : value < 1e6 ? `${Math.round(value / 1e3)} kbit/s` : `${(value / 1e6).toFixed(2)} Mbit/s`);

const rows = [
  ["Picture", (s) => (s.width ? `${s.width} × ${s.height}` : "–")],
  ["Frames", (s) => (s.framesPerSecond === null ? "–" : `${s.framesPerSecond.toFixed(1)} /s`)],
  ["Latency", (s) => (s.latency === null ? "–" : `${Math.round(s.latency)} ± ${Math.ceil(s.latencyError)} ms`)],
  ["Round trip", (s) => milliseconds(s.roundTrip)],
  ["Video", (s) => bitrate(s.videoBitrate)],
  ["Sound", (s) => bitrate(s.audioBitrate)],
  ["Loss", (s) => `${(100 * s.loss).toFixed(1)} %`],
  ["Lost", (s) => `${s.packetsLost}`],
  ["Freezes", (s) => (s.freezes ? `${s.freezes}, ${s.freezeSeconds.toFixed(1)} s` : "none")],
  ["Buffer", (s) => milliseconds(s.jitterBufferDelay)],
  ["Decoding", (s) => milliseconds(s.decodeTime)],
  ["Codec", (s) => s.codec || "–"],
  ["Dropped", (s) => `${s.framesDropped}`],
  ["Path", (s) => s.path || "–"],
];

/** The overlay on the picture. */
export class StatisticsView {
  #values;

  /** @param {HTMLElement} list a dl */
  constructor(list) {
    this.#values = rows.map(([name]) => {
      const term = document.createElement("dt");
      const value = document.createElement("dd");
      term.textContent = name;
      value.textContent = "–";
      list.append(term, value);
      return value;
    });
  }

  show(statistics) {
    rows.forEach(([, format], index) => (this.#values[index].textContent = format(statistics)));
  }
}
