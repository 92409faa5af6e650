// JSON-RPC 2.0 over the data channel "control".

const requestTimeout = 5000;

export class RPCError extends Error {
  constructor({ code, message, data }) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export class RPC {
  #channel;
  #lastID = 0;
  #waiting = new Map();

  /** @param {RTCDataChannel} channel reliable and ordered; may still be opening */
  constructor(channel) {
    this.#channel = channel;
    channel.addEventListener("message", ({ data }) => this.#receive(data));
    channel.addEventListener("close", () => this.#failAll());
  }

  get isOpen() {
    return this.#channel.readyState === "open";
  }

  /** The method's result; rejects with RPCError. */
  call(method, params = {}) {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) {
        reject(new RPCError({ code: 0, message: "The device is not connected." }));
        return;
      }
      const id = ++this.#lastID;
      const timer = setTimeout(() => this.#settle({ id, error: { code: 0, message: "The device did not answer." } }), requestTimeout);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#channel.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  #receive(data) {
    try {
      const message = JSON.parse(data);
      for (const response of Array.isArray(message) ? message : [message]) this.#settle(response);
    } catch {
      // Not for us.
    }
  }

  #settle({ id, result, error }) {
    const request = this.#waiting.get(id);
    if (!request) return;
    this.#waiting.delete(id);
    clearTimeout(request.timer);
    if (error) request.reject(new RPCError(error));
    else request.resolve(result);
  }

  #failAll() {
    for (const id of [...this.#waiting.keys()]) {
      this.#settle({ id, error: { code: 0, message: "The connection ended." } });
    }
  }
}
