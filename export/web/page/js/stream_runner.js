import { PageError } from "./page_error.js";

/** @typedef {"wasm" | "webgpu"} Accelerator */
/** @typedef {typeof import("@litertjs/core")} LiteRt */
/** @typedef {import("@litertjs/core").CompiledModel} CompiledModel */
/** @typedef {import("@litertjs/core").Tensor} Tensor */

/** @type {Promise<LiteRt> | null} */
let loading = null;

/** Loads LiteRT.js, once. */
async function loadRuntime() {
  const folder = new URL("../litert/core/wasm/", import.meta.url);
  const litert = await import("@litertjs/core").catch(() => {
    throw new PageError("LiteRT.js is missing beside this page: write it again with export.web.");
  });
  await litert.loadLiteRt(folder.href).catch((error) => {
    throw new PageError(`LiteRT.js cannot be loaded from ${folder.pathname}: ${reasonOf(error)}.`);
  });
  return litert;
}

/** Returns whether the browser offers a GPU to this page. */
async function hasGpu() {
  return Boolean(await navigator.gpu?.requestAdapter().catch(() => null));
}

/**
 * An online TSM with the state of its stream; the counterpart of `StreamRunner` in
 * `export/runtime`. The caches that leave the model in one step enter it in the next one. They are
 * never copied, and stay on the GPU.
 */
export class StreamRunner {
  /** @type {Record<string, Tensor> | null} */
  #caches = null;
  #litert;
  #model;
  #shapes;
  #mustReset = true;

  /**
   * @param {LiteRt} litert
   * @param {CompiledModel} model
   * @param {Accelerator} accelerator
   */
  constructor(litert, model, accelerator) {
    this.#litert = litert;
    this.#model = model;
    const inputs = model.getInputDetails();
    this.#shapes = new Map(inputs.map(({ name, shape }) => [name, Array.from(shape)]));
    this.accelerator = accelerator;
  }

  /**
   * Compiles a model and runs it once, because the first step is slow.
   *
   * @param {Uint8Array} bytes the `.tflite` file
   * @param {Accelerator} accelerator
   */
  static async create(bytes, accelerator) {
    if (accelerator === "webgpu" && !(await hasGpu())) {
      throw new PageError("This browser offers no WebGPU to this page, so the CPU is used.");
    }
    loading ??= loadRuntime();
    const litert = await loading;
    const options = { accelerator, gpuOptions: { precision: /** @type {const} */ ("fp32") } };
    const model = await litert.loadAndCompile(bytes, options).catch((error) => {
      throw new PageError(`LiteRT.js cannot run this model: ${reasonOf(error)}.`);
    });
    if (accelerator === "webgpu" && !model.isFullyAccelerated) {
      model.delete();
      throw new PageError("WebGPU cannot run all of this model, so the CPU is used.");
    }

    const runner = new StreamRunner(litert, model, accelerator);
    await runner.step(zeros(runner.#shapes.get("image") ?? []));
    runner.reset();
    return runner;
  }

  /**
   * Runs the model on the next frame of the stream.
   *
   * @param {Float32Array} image RGB in 0..255, as large as the model's `image`
   * @returns {Promise<import("./frame_stream.js").Outputs>} the outputs that are no caches
   */
  async step(image) {
    if (this.#mustReset) {
      this.#deleteCaches();
      this.#mustReset = false;
    }
    const inputs = this.#caches ?? this.#initialCaches();
    this.#caches = null;
    inputs.image = new this.#litert.Tensor(image, this.#shapes.get("image"));
    try {
      const tensors = Object.entries(await this.#model.run(inputs));
      this.#caches = Object.fromEntries(tensors.filter(([name]) => this.#shapes.has(name)));
      const results = Object.fromEntries(tensors.filter(([name]) => !this.#shapes.has(name)));
      return await read(results);
    } finally {
      deleteAll(inputs);
    }
  }

  /** Forgets the stream: the next frame is a first frame. A step in progress is not disturbed. */
  reset() {
    this.#mustReset = true;
  }

  /** Frees the model's memory. */
  delete() {
    this.#deleteCaches();
    this.#model.delete();
  }

  #deleteCaches() {
    deleteAll(this.#caches ?? {});
    this.#caches = null;
  }

  #initialCaches() {
    /** @type {Record<string, Tensor>} */
    const caches = {};
    for (const [name, shape] of this.#shapes) {
      if (name !== "image") {
        caches[name] = new this.#litert.Tensor(zeros(shape), shape);
      }
    }
    return caches;
  }
}

/**
 * Returns the values of tensors, and frees them.
 *
 * @param {Record<string, Tensor>} tensors
 */
async function read(tensors) {
  /** @type {import("./frame_stream.js").Outputs} */
  const values = {};
  try {
    for (const [name, tensor] of Object.entries(tensors)) {
      values[name] = /** @type {Float32Array} */ (await tensor.data());
    }
    return values;
  } finally {
    deleteAll(tensors);
  }
}

/** @param {Record<string, Tensor>} tensors */
function deleteAll(tensors) {
  Object.values(tensors).forEach((tensor) => tensor.delete());
}

/** @param {number[]} shape */
function zeros(shape) {
  return new Float32Array(shape.reduce((product, side) => product * side, 1));
}

/** @param {unknown} error */
function reasonOf(error) {
  return error instanceof Error ? error.message : "see the browser's console";
}
