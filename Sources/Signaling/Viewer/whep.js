// WHEP (draft-ietf-wish-whep): the offer goes out at once, the answer comes back, candidates follow one by one.

/** What the device said no to, or that it said nothing (`status` 0). */
export class WHEPError extends Error {
  constructor(message, { status = 0, detail = "", retryAfter = 0 } = {}) {
    super(message);
    this.status = status;
    /** What to do about it. */
    this.detail = detail;
    /** Milliseconds that the device asked us to wait. */
    this.retryAfter = retryAfter;
  }
}

const answerTimeout = 8000;
const reachTimeout = 2000;
const trickleDelay = 20; // one request for candidates that are found together

export class WHEPSession {
  #endpoint;
  #connection;
  #location = null;
  #entityTag = "";
  #candidates = [];
  #isGatheringDone = false;
  #timer = 0;
  #isClosed = false;

  /**
   * @param {string} endpoint URL of the WHEP endpoint
   * @param {RTCPeerConnection} connection with its transceivers and channels made
   */
  constructor(endpoint, connection) {
    this.#endpoint = endpoint;
    this.#connection = connection;
    connection.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate?.candidate) this.#candidates.push(candidate);
      else this.#isGatheringDone = true;
      this.#scheduleTrickle();
    });
  }

  /** Offers, and applies the answer. Throws WHEPError. */
  async start() {
    const connection = this.#connection;
    await connection.setLocalDescription();
    const response = await this.#request(this.#endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Accept: "application/sdp" },
      body: connection.localDescription.sdp,
      signal: AbortSignal.timeout(answerTimeout),
    });
    const location = response.headers.get("Location");
    this.#location = location ? new URL(location, response.url).href : null;
    this.#entityTag = response.headers.get("ETag") ?? "";
    const sdp = await response.text();
    if (this.#isClosed) return this.#delete();
    await connection.setRemoteDescription({ type: "answer", sdp });
    this.#scheduleTrickle();
  }

  /** Ends the session on the device too, also while the page is going away. */
  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#delete();
  }

  /** Whether the device still answers at all. */
  async isReachable() {
    try {
      await fetch(this.#endpoint, { method: "OPTIONS", cache: "no-store", signal: AbortSignal.timeout(reachTimeout) });
      return true;
    } catch {
      return false;
    }
  }

  #delete() {
    if (this.#location) fetch(this.#location, { method: "DELETE", keepalive: true }).catch(() => {});
    this.#location = null;
  }

  #scheduleTrickle() {
    if (!this.#location || this.#isClosed || this.#timer) return;
    if (this.#candidates.length === 0 && !this.#isGatheringDone) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#trickle();
    }, trickleDelay);
  }

  async #trickle() {
    const candidates = this.#candidates.splice(0);
    const isLast = this.#isGatheringDone;
    if (this.#isClosed || (candidates.length === 0 && !isLast)) return;
    this.#isGatheringDone = false; // said once
    try {
      await this.#request(this.#location, {
        method: "PATCH",
        headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": this.#entityTag },
        body: fragment(this.#connection.localDescription.sdp, candidates, isLast),
      });
    } catch {
      // The device finds our address by our checks; without it the connection fails, which the player sees.
    }
  }

  async #request(url, options) {
    let response;
    try {
      response = await fetch(url, options);
    } catch {
      throw new WHEPError("The device is not answering");
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new WHEPError(problem.title ?? "The device refused", {
      status: response.status,
      detail: problem.detail,
      retryAfter: 1000 * (Number(response.headers.get("Retry-After")) || 0),
    });
  }
}

/** RFC 8840 §9: the candidates of the bundle's first section, with the credentials that they belong to. */
function fragment(sdp, candidates, isLast) {
  const lines = sdp.split(/\r?\n/);
  const first = (prefix) => lines.find((line) => line.startsWith(prefix));
  const body = [
    first("a=group:BUNDLE"),
    first("a=ice-ufrag:"),
    first("a=ice-pwd:"),
    first("m="),
    first("a=mid:"),
    ...candidates.map(({ candidate }) => `a=${candidate}`),
    isLast ? "a=end-of-candidates" : undefined,
  ];
  return body.filter(Boolean).join("\r\n") + "\r\n";
}
