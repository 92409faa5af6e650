// The panel of controls, made from what the device says that it has.

/** Sends the newest value of a control, one at a time, however fast a slider moves. */
class Sender {
  #send;
  #isBusy = false;
  #next;

  constructor(send) {
    this.#send = send;
  }

  async set(value) {
    this.#next = { value };
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (this.#next) {
      const { value } = this.#next;
      this.#next = undefined;
      await this.#send(value);
    }
    this.#isBusy = false;
  }
}

let lastID = 0;

/** Nothing can be set: ever, or as long as another control (automatic exposure) has it in hand. */
const isFixed = ({ read_only, inactive }) => Boolean(read_only || inactive);

/** One control: a line with its name, its input, and what went wrong. */
class Control {
  element = document.createElement("div");
  #problem = document.createElement("p");
  #input;
  #output;
  #format;
  #known;
  #sender;

  /**
   * @param {object} description `{ name, type, minimum, maximum, step, value, menu: [{ value, name }], read_only, inactive }`
   * @param {(value) => Promise} send resolves when the device has taken it
   * @param {(value) => string} format how a value is shown
   */
  constructor(description, send, format = String) {
    this.#format = format;
    this.#known = description.value;
    this.#sender = new Sender(async (value) => {
      try {
        await send(value);
        this.#known = value;
        this.#tell("");
      } catch (error) {
        this.#tell(error.message);
        this.show(this.#known);
      }
    });
    this.element.className = "control";
    this.#problem.className = "problem";
    this.#problem.hidden = true;
    this.#problem.setAttribute("role", "alert");
    this.#build(description, `control-${++lastID}`);
    this.element.append(this.#problem);
    this.show(description.value);
  }

  show(value) {
    if (value === undefined || value === null || !this.#input) return;
    if (this.#input.type === "checkbox") this.#input.checked = Boolean(value);
    else this.#input.value = value;
    this.#showOutput();
  }

  /** The device says that this is its value now. */
  adopt(value, isDisabled = false) {
    this.disabled = isDisabled;
    if (value === undefined || this.#input === document.activeElement) return;
    this.#known = value;
    this.show(value);
  }

  set(value) {
    this.show(value);
    this.#sender.set(value);
  }

  set disabled(isDisabled) {
    if (this.#input) this.#input.disabled = isDisabled;
  }

  #build(description, id) {
    const line = document.createElement("div");
    line.className = "control-line";
    this.element.append(line);
    const label = document.createElement("label");
    label.textContent = description.name;
    label.htmlFor = id;

    switch (description.type) {
      case "button": {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "button quiet";
        button.textContent = description.name;
        button.addEventListener("click", () => this.#sender.set(1));
        line.append(button);
        return;
      }
      case "boolean":
        this.#input = document.createElement("input");
        this.#input.type = "checkbox";
        this.#input.setAttribute("role", "switch");
        this.#input.addEventListener("change", () => this.#sender.set(this.#input.checked ? 1 : 0));
        line.append(label, this.#input);
        break;
      case "menu":
        this.#input = document.createElement("select");
        for (const { value, name } of description.menu ?? []) this.#input.add(new Option(name, value));
        this.#input.addEventListener("change", () => this.#sender.set(Number(this.#input.value)));
        line.append(label, this.#input);
        break;
      default:
        this.#input = document.createElement("input");
        this.#input.type = "range";
        this.#input.min = description.minimum;
        this.#input.max = description.maximum;
        this.#input.step = description.step || 1;
        this.#output = document.createElement("output");
        this.#output.htmlFor = id;
        this.#output.setAttribute("aria-live", "off"); // the slider says it already
        this.#input.addEventListener("input", () => {
          this.#showOutput();
          this.#sender.set(Number(this.#input.value));
        });
        line.append(label, this.#output);
        this.element.append(this.#input);
    }
    this.#input.id = id;
    this.#input.disabled = isFixed(description);
  }

  #showOutput() {
    if (!this.#output) return;
    const { min, max, value } = this.#input;
    const text = this.#format(Number(value));
    this.#output.value = text;
    this.#input.setAttribute("aria-valuetext", text);
    this.#input.style.setProperty("--fill", `${(100 * (value - min)) / (max - min || 1)}%`);
  }

  #tell(problem) {
    this.#problem.textContent = problem;
    this.#problem.hidden = problem === "";
  }
}

const bitrate = (kilobits) => (kilobits < 1000 ? `${kilobits} kbit/s` : `${(kilobits / 1000).toFixed(1)} Mbit/s`);
const usualRates = [5, 10, 15, 20, 25, 30, 60];
const usualSizes = [[320, 240], [640, 360], [640, 480], [848, 480], [1280, 720], [1920, 1080]];

export class ControlsView {
  #form;
  #empty;
  #rpc = null;
  #shape = "";
  #camera = new Map();
  #video = {};

  constructor(form, empty) {
    this.#form = form;
    this.#empty = empty;
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** Asks the device what it has and shows that. Returns what `device.info` said. */
  async load(rpc) {
    this.#rpc = rpc;
    const [info, controls] = await Promise.all([
      rpc.call("device.info"),
      rpc.call("camera.controls.list").catch(() => []),
    ]);
    const list = Array.isArray(controls) ? controls : [];
    // After a mere reconnection the panel stays as it is, with the focus in it.
    const shape = JSON.stringify([sizes(info), list.map(({ value, inactive, ...description }) => description)]);
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#build(info, list);
    } else {
      this.#adoptCamera(list);
      this.#adoptVideo(info.video ?? {});
    }
    return info;
  }

  set disabled(isDisabled) {
    for (const field of this.#form.querySelectorAll("fieldset")) field.disabled = isDisabled;
  }

  #build(info, list) {
    this.#form.replaceChildren(this.#videoField(info));
    this.#camera.clear();
    if (list.length > 0) this.#form.append(this.#cameraField(list));
    this.#empty.hidden = true;
  }

  #videoField(info) {
    const video = info.video ?? {};
    const set = (parameters) => this.#rpc.call("video.set", parameters);
    const field = fieldset("Stream");
    const menu = (values, name) => values.map((value) => ({ value, name: name(value) }));

    const available = sizes(info);
    const current = Math.max(0, available.findIndex(([width, height]) => width === video.width && height === video.height));
    const rates = [...new Set([...(info.camera?.frame_rates ?? usualRates), video.frame_rate ?? 30])].sort((a, b) => a - b);
    this.#video = {
      sizes: available,
      bitrate: new Control(
        { name: "Bitrate", type: "integer", minimum: video.minimum_bitrate_kbps ?? 100, maximum: video.maximum_bitrate_kbps ?? 6000, step: 50, value: video.bitrate_kbps ?? 1000 },
        (value) => set({ bitrate_kbps: value }),
        bitrate,
      ),
      rate: new Control(
        { name: "Frames a second", type: "menu", menu: menu(rates, String), value: video.frame_rate ?? 30 },
        (value) => set({ frame_rate: value }),
      ),
      size: new Control(
        { name: "Size", type: "menu", menu: menu([...available.keys()], (index) => available[index].join(" × ")), value: current },
        (index) => set({ width: available[index][0], height: available[index][1] }),
      ),
    };
    const { bitrate: first, rate, size } = this.#video;
    field.append(first.element, size.element, rate.element);
    return field;
  }

  #adoptCamera(list) {
    for (const description of list) this.#camera.get(description.id)?.adopt(description.value, isFixed(description));
  }

  /** One control may move another, or take it in hand. */
  async #setCamera(id, value) {
    await this.#rpc.call("camera.controls.set", { id, value });
    const list = await this.#rpc.call("camera.controls.list").catch(() => []);
    this.#adoptCamera(list.filter((description) => description.id !== id));
  }

  #adoptVideo({ bitrate_kbps, frame_rate, width, height }) {
    this.#video.bitrate?.adopt(bitrate_kbps);
    this.#video.rate?.adopt(frame_rate);
    this.showSize(width, height);
  }

  /** The size that the picture has, whoever chose it. */
  showSize(width, height) {
    const index = this.#video.sizes?.findIndex((size) => size[0] === width && size[1] === height);
    if (index >= 0) this.#video.size.adopt(index);
  }

  #cameraField(list) {
    const field = fieldset("Camera");
    const resettable = list.filter(({ type, default: value, read_only }) => type !== "button" && value !== undefined && !read_only);
    if (resettable.length > 0) {
      const reset = document.createElement("button");
      reset.type = "button";
      reset.className = "reset";
      reset.textContent = "Reset";
      reset.setAttribute("aria-label", "Reset the camera's controls");
      reset.addEventListener("click", () => {
        for (const { id, default: value } of resettable) this.#camera.get(id).set(value);
      });
      field.querySelector("legend").append(" ", reset);
    }
    for (const description of list) {
      const control = new Control(description, (value) => this.#setCamera(description.id, value));
      this.#camera.set(description.id, control);
      field.append(control.element);
    }
    return field;
  }
}

function fieldset(name) {
  const field = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = name;
  field.append(legend);
  return field;
}

/** Pairs of width and height that can be chosen, small to large, with the one in use. */
function sizes({ camera, video = {} }) {
  // No camera: it is away just now.
  const offered = camera?.sizes?.map(({ width, height }) => [width, height]) ?? usualSizes;
  const all = new Map(offered.map((size) => [size.join(), size]));
  if (video.width && video.height) all.set(`${video.width},${video.height}`, [video.width, video.height]);
  return [...all.values()].sort((a, b) => a[0] * a[1] - b[0] * b[1] || a[0] - b[0]);
}
