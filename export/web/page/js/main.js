import { DetectionView } from "./detection_view.js";
import { Detector } from "./detector.js";
import { element } from "./elements.js";
import { Figures } from "./figures.js";
import { fetchModel } from "./model_info.js";
import { PageError } from "./page_error.js";
import { Player, hasSeveralCameras } from "./player.js";
import { Recogniser } from "./recogniser.js";
import { RecognitionView } from "./recognition_view.js";
import { StreamRunner } from "./stream_runner.js";

/**
 * Wires the page. Programs can listen to two events of the document: `tsm:frame`, whose `detail` is
 * a `Recognition`, or a `FrameDetections` of a detector, for each frame that the model sees, and
 * `tsm:event`, whose `detail` is a `GestureEvent`, for each gesture.
 */

/** @typedef {import("./recogniser.js").Recognition} Recognition */
/** @typedef {import("./detector.js").FrameDetections} FrameDetections */

const MODEL_FOLDER = new URL("../model/", import.meta.url);
const MAX_GAP = 2; // seconds without a frame from a camera, after which the stream is forgotten
const FIRST_PREDICTION = "tsm:first-prediction"; // a mark among the browser's performance entries

/**
 * What the page shows of the model's results.
 *
 * @typedef {object} View
 * @property {(result: any) => void} showResult
 * @property {() => void} clear
 */

/** The page. */
class App {
  /**
   * @param {import("./model_info.js").ModelInfo} info
   * @param {Uint8Array} bytes the model
   * @param {StreamRunner} runner
   */
  constructor(info, bytes, runner) {
    this.bytes = bytes;
    this.runner = runner;
    this.info = info;
    const [stream, view] =
      info.kind === "detector"
        ? [new Detector(info, runner), new DetectionView(document, info)]
        : [new Recogniser(info, runner), new RecognitionView(document, info)];
    this.stream = stream;
    this.view = /** @type {View} */ (view);
    this.figures = new Figures();
    const video = /** @type {HTMLVideoElement} */ (element(document, "video"));
    this.player = new Player(video, (seconds) => this.onFrame(seconds), showMessage);
    /** The step in progress. */
    this.step = Promise.resolve();
    /** @type {"user" | "environment"} */
    this.facing = "user";
    /** The address of the file that was chosen last. */
    this.url = "";
  }

  /**
   * Starts another stream.
   *
   * @param {() => Promise<void>} open
   */
  async start(open) {
    this.stop();
    element(document, "stage").classList.add("is-on");
    try {
      await this.step;
      this.stream.reset();
      this.view.clear();
      this.figures.reset();
      this.showFigures();
      await open();
    } catch (error) {
      this.stop();
      showError(error);
    }
  }

  /** Ends the stream and leaves its results on the page. */
  stop() {
    this.player.close();
    element(document, "stage").classList.remove("is-on", "is-mirrored", "has-cameras");
    showMessage("");
  }

  async startCamera() {
    await this.start(async () => {
      this.stream.maxGap = MAX_GAP;
      await this.player.openCamera(this.facing);
      const { classList } = element(document, "stage");
      classList.toggle("is-mirrored", this.facing === "user");
      classList.toggle("has-cameras", await hasSeveralCameras());
    });
  }

  /**
   * @param {string} url
   * @param {string} name
   */
  async startVideo(url, name) {
    await this.start(async () => {
      this.stream.maxGap = Infinity;
      await this.player.openVideo(url, name);
    });
  }

  /** @param {number} seconds */
  async onFrame(seconds) {
    if (!this.stream.wants(seconds)) {
      return;
    }
    const began = performance.now();
    const step = this.stream.process(this.player.grab());
    this.step = step.then(ignore, ignore);
    try {
      const result = await step;
      this.figures.add(began, performance.now() - began);
      this.show(result);
    } catch (error) {
      this.stop();
      showError(error);
    }
  }

  /** @param {Recognition | FrameDetections} result */
  show(result) {
    if (!performance.getEntriesByName(FIRST_PREDICTION).length) {
      performance.mark(FIRST_PREDICTION);
    }
    this.view.showResult(result);
    this.showFigures();
    document.dispatchEvent(new CustomEvent("tsm:frame", { detail: result }));
    for (const event of "events" in result ? result.events : []) {
      document.dispatchEvent(new CustomEvent("tsm:event", { detail: event }));
    }
  }

  /** Shows how long frames take, how many there are per second, and how many were missed. */
  showFigures() {
    const { milliseconds, rate } = this.figures;
    element(document, "milliseconds").textContent = milliseconds?.toFixed(1) ?? "–";
    element(document, "rate").textContent = rate?.toFixed(1) ?? "–";
    element(document, "dropped").textContent = String(this.stream.clock.dropped);
  }

  /** @param {import("./stream_runner.js").Accelerator} accelerator */
  async switchTo(accelerator) {
    showMessage(`Compiling for the ${accelerator === "webgpu" ? "GPU" : "CPU"} …`);
    const runner = await StreamRunner.create(this.bytes, accelerator);
    await this.step;
    this.runner.delete();
    this.runner = this.stream.runner = runner;
    this.stream.forget();
    this.figures.reset();
    showMessage("");
  }
}

function ignore() {}

/** @param {string} text */
function showMessage(text) {
  element(document, "message").textContent = text;
}

/** @param {unknown} error */
function showError(error) {
  if (error instanceof PageError) {
    showMessage(error.message);
  } else {
    console.error(error);
    showMessage(`Something unexpected happened: ${error}.`);
  }
}

/**
 * @param {string} id
 * @param {string} type
 * @param {(event: any) => unknown} listener
 */
function on(id, type, listener) {
  element(document, id).addEventListener(type, listener);
}

/** @param {App} app */
function connectSources(app) {
  on("camera", "click", () => app.startCamera());
  on("flip", "click", () => {
    app.facing = app.facing === "user" ? "environment" : "user";
    return app.startCamera();
  });
  on("stop", "click", () => app.stop());
  on("choose", "click", () => element(document, "file").click());
  on("file", "change", (event) => {
    startFile(app, event.target.files);
    event.target.value = ""; // so that the same file can be chosen again
  });

  const { sample } = app.info;
  element(document, "sample").hidden = !sample;
  on("sample", "click", () => {
    return app.startVideo(new URL(sample ?? "", MODEL_FOLDER).href, "The sample video");
  });
}

/** @param {App} app */
function connectDrops(app) {
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    element(document, "stage").classList.add("is-target");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) {
      element(document, "stage").classList.remove("is-target");
    }
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    element(document, "stage").classList.remove("is-target");
    startFile(app, event.dataTransfer?.files);
  });
}

/**
 * @param {App} app
 * @param {FileList | undefined} files
 */
function startFile(app, files) {
  const file = files?.[0];
  if (!file) {
    showMessage("Drop a video file.");
    return;
  }
  URL.revokeObjectURL(app.url);
  app.url = URL.createObjectURL(file);
  void app.startVideo(app.url, file.name);
}

/** @param {App} app */
function connectAccelerators(app) {
  const choices = /** @type {NodeListOf<HTMLInputElement>} */ (
    document.querySelectorAll("input[name=accelerator]")
  );
  const show = () => {
    choices.forEach((choice) => {
      choice.checked = choice.value === app.runner.accelerator;
      choice.disabled = false;
    });
  };
  choices.forEach((choice) => {
    choice.addEventListener("change", async () => {
      choices.forEach((other) => (other.disabled = true));
      await app
        .switchTo(/** @type {import("./stream_runner.js").Accelerator} */ (choice.value))
        .catch(showError);
      show();
    });
  });
  show();
}

/** @param {import("./model_info.js").ModelInfo} info */
function describe(info) {
  const rate = info.fps ? `${info.fps} frames per second` : "every second frame";
  const size = `${(info.bytes / 2 ** 20).toFixed(1)} MiB`;
  const facts = [info.backbone, info.variant, size, `${info.labels.length} classes`, rate];
  element(document, "facts").textContent = facts.join(" · ");
  element(document, "note").textContent = info.note ?? "";
  element(document, "note").hidden = !info.note;
  const card = /** @type {HTMLAnchorElement} */ (element(document, "card"));
  card.hidden = !info.card;
  card.href = new URL(info.card ?? "", MODEL_FOLDER).href;
}

async function main() {
  if (!("requestVideoFrameCallback" in HTMLVideoElement.prototype)) {
    throw new PageError("This browser is too old for this page. Update it, or use another one.");
  }
  const { info, bytes } = await fetchModel(MODEL_FOLDER);
  describe(info);
  const app = new App(info, bytes, await StreamRunner.create(bytes, "wasm"));
  connectSources(app);
  connectDrops(app);
  connectAccelerators(app);
  document.body.classList.add("is-ready");
  showMessage("");
}

main().catch(showError);
