// What people see and press around the picture.

const $ = (id) => document.getElementById(id);

export class View {
  #player;
  #video = $("video");
  #stage = $("stage");
  #deviceName = "Perch";
  #countdown = 0;
  #toastTimer = 0;
  #needsPlay;

  constructor(player) {
    this.#player = player;
    this.#needsPlay = player.isBlocked;
    player.addEventListener("state", () => this.#showState());
    player.addEventListener("tracks", () => this.#showSound());
    player.addEventListener("blocked", () => {
      this.#needsPlay = true;
      this.#showSound();
    });
    player.addEventListener("statistics", () => this.#showLatency());
    player.addEventListener("leaving", () => this.#keepStill());
    this.#video.addEventListener("volumechange", () => this.#showSound());
    this.#video.addEventListener("playing", () => {
      this.#needsPlay = false;
      this.#showSound();
    });
    this.#video.addEventListener("resize", () => this.#fit());
    $("retry").addEventListener("click", () => player.connect());
    $("unmute").addEventListener("click", () => this.#toggleSound());
    $("mute").addEventListener("click", () => this.#toggleSound());
    $("snapshot").addEventListener("click", () => this.#saveSnapshot());
    $("statistics-button").addEventListener("click", () => this.#toggleStatistics());
    this.#setUpFullScreen();
    this.#setUpPictureInPicture();
    this.#setUpHelp();
    this.#showState();
  }

  /** What `device.info` said. */
  showDevice(info) {
    this.#deviceName = info.name || "Perch";
    $("device-name").textContent = this.#deviceName;
    document.title = this.#deviceName === "Perch" ? "Perch" : `${this.#deviceName} · Perch`;
    $("synthetic").hidden = !info.camera?.synthetic;
    $("about").textContent = [info.camera?.name, info.version && `Perch ${info.version}`].filter(Boolean).join(" · ");
  }

  // State

  #showState() {
    const { name, title, detail, retryAt } = this.#player.state;
    const isLive = name === "live";
    const wasHidden = $("curtain").hidden;
    this.#stage.dataset.state = name;
    $("pill").dataset.state = name;
    $("pill-text").textContent = { connecting: "Connecting…", live: "Live", stalled: "No picture", waiting: "Not connected" }[name];
    $("curtain").hidden = isLive;
    if (isLive) $("still").hidden = true;
    $("curtain-title").textContent = title;
    $("retry").hidden = name !== "waiting";
    $("snapshot").disabled = !isLive;
    if (!isLive) $("latency").hidden = true;
    if (isLive && !wasHidden && $("curtain").contains(document.activeElement)) this.#stage.focus();
    clearInterval(this.#countdown);
    const pause = () => Math.max(1, Math.ceil((retryAt - performance.now()) / 1000));
    const say = () => {
      $("curtain-detail").textContent = [detail, retryAt && `Trying again in ${pause()} s.`].filter(Boolean).join(" ");
    };
    say();
    if (retryAt) this.#countdown = setInterval(say, 500);
    // Said once, without the countdown.
    this.announce([title, detail, retryAt && `Trying again in ${pause()} ${pause() === 1 ? "second" : "seconds"}`].filter(Boolean).map((part) => part.replace(/[.…]$/, "")).join(". "));
    this.#showSound();
  }

  /** The last frame stays in sight, dimmed, until there is a new one. */
  #keepStill() {
    if (this.#draw($("still"))) $("still").hidden = false;
  }

  #draw(canvas) {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!width || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !$("still").hidden) return false;
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").drawImage(this.#video, 0, 0);
    return true;
  }

  #showLatency() {
    const value = this.#player.statistics?.latency ?? null;
    $("latency").hidden = value === null || this.#player.state.name !== "live";
    if (value !== null) $("latency-value").textContent = Math.round(value);
  }

  #fit() {
    const { videoWidth, videoHeight } = this.#video;
    if (videoWidth && videoHeight) this.#stage.style.setProperty("--ratio", String(videoWidth / videoHeight));
  }

  // Sound

  #showSound() {
    const { hasSound, state } = this.#player;
    const isMuted = this.#video.muted;
    $("unmute").hidden = state.name !== "live" || !(this.#needsPlay || (hasSound && isMuted));
    $("unmute").lastChild.textContent = this.#needsPlay ? "Play" : "Turn on sound";
    $("mute").disabled = !hasSound;
    $("mute").setAttribute("aria-pressed", String(hasSound && !isMuted));
    $("mute-icon").setAttribute("href", hasSound && !isMuted ? "#i-sound" : "#i-muted");
  }

  async #toggleSound() {
    const wasFocused = document.activeElement === $("unmute");
    if (!this.#needsPlay) this.#video.muted = !this.#video.muted;
    try {
      await this.#video.play();
    } catch {
      this.#video.muted = true; // sound needs a click; the picture does not
      this.#video.play().catch(() => {});
    }
    if (wasFocused && $("unmute").hidden) $("mute").focus();
    this.announce(this.#video.muted ? "Sound is off" : "Sound is on");
  }

  // Snapshot

  async #saveSnapshot() {
    const canvas = document.createElement("canvas");
    if (this.#player.state.name !== "live" || !this.#draw(canvas)) return;
    const time = new Date();
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    const name = `${fileName(this.#deviceName)} ${stamp(time)}.png`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    this.toast(`Saved “${name}”`);
  }

  // Statistics

  #toggleStatistics() {
    const isShown = $("statistics").hidden;
    $("statistics").hidden = !isShown;
    $("statistics-button").setAttribute("aria-pressed", String(isShown));
  }

  // Full screen and picture in picture

  #setUpFullScreen() {
    const button = $("fullscreen");
    const current = () => document.fullscreenElement ?? document.webkitFullscreenElement;
    button.addEventListener("click", async () => {
      try {
        if (current()) await (document.exitFullscreen ?? document.webkitExitFullscreen).call(document);
        else if (this.#stage.requestFullscreen) await this.#stage.requestFullscreen();
        else if (this.#stage.webkitRequestFullscreen) this.#stage.webkitRequestFullscreen();
        else this.#video.webkitEnterFullscreen?.(); // iPhone
      } catch {
        this.toast("The browser does not allow full screen here");
      }
    });
    for (const type of ["fullscreenchange", "webkitfullscreenchange"]) {
      document.addEventListener(type, () => button.setAttribute("aria-pressed", String(Boolean(current()))));
    }
    this.#stage.addEventListener("dblclick", ({ target }) => target === this.#video && button.click());
  }

  #setUpPictureInPicture() {
    const button = $("pip");
    if (!document.pictureInPictureEnabled || !this.#video.requestPictureInPicture) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        if (document.pictureInPictureElement) await document.exitPictureInPicture();
        else await this.#video.requestPictureInPicture();
      } catch {
        this.toast("The picture cannot be popped out yet");
      }
    });
    this.#video.addEventListener("enterpictureinpicture", () => button.setAttribute("aria-pressed", "true"));
    this.#video.addEventListener("leavepictureinpicture", () => button.setAttribute("aria-pressed", "false"));
  }

  // Keys

  #setUpHelp() {
    const help = $("help");
    const remembered = $("shortcuts");
    remembered.checked = recall("shortcuts") !== "off";
    remembered.addEventListener("change", () => remember("shortcuts", remembered.checked ? "on" : "off"));
    $("help-button").addEventListener("click", () => help.showModal());
    $("help-close").addEventListener("click", () => help.close());
    help.addEventListener("click", ({ target }) => target === help && help.close());
    const actions = { m: "mute", s: "snapshot", i: "statistics-button", p: "pip", f: "fullscreen", "?": "help-button" };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || help.open || !remembered.checked) return;
      if (event.target.closest?.("input, select, textarea")) return;
      const key = event.key.toLowerCase();
      if (key === "r") this.#player.connect();
      else if (key in actions) $(actions[key]).click();
      else return;
      event.preventDefault();
    });
  }

  // Telling

  toast(text) {
    clearTimeout(this.#toastTimer);
    $("toast").textContent = text;
    $("toast").hidden = false;
    this.announce(text);
    this.#toastTimer = setTimeout(() => ($("toast").hidden = true), 4000);
  }

  announce(text) {
    $("announcer").textContent = text;
  }
}

const fileName = (text) => text.replace(/[^\p{L}\p{N} ._-]/gu, "-").slice(0, 60);

/** 2026-11-21 08.30.05, local time: a colon is not for file names. */
function stamp(time) {
  const two = (value) => String(value).padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${two(time.getHours())}.${two(time.getMinutes())}.${two(time.getSeconds())}`;
}

// Without storage (private windows) things are merely forgotten.
function recall(key) {
  try {
    return localStorage.getItem(`perch.${key}`);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(`perch.${key}`, value);
  } catch {}
}
