import { FrameClock } from "./frame_clock.js";

/**
 * What a model says about a frame, apart from the caches: each output by name.
 *
 * @typedef {Record<string, Float32Array>} Outputs
 */

/**
 * One frame at a time to outputs.
 *
 * @typedef {object} Runner
 * @property {(image: Float32Array) => Promise<Outputs>} step
 * @property {() => void} reset
 */

/**
 * Chooses the frames that are due, and runs the model on them. `Recogniser` and `Detector` decode
 * its outputs.
 */
export class FrameStream {
  /**
   * @param {number | null} fps frames per second that the model expects; null if unknown
   * @param {Runner} runner
   * @param {import("./resize.js").FrameResizer} resizer makes the model's image from a frame
   */
  constructor(fps, runner, resizer) {
    this.runner = runner;
    this.clock = new FrameClock(fps);
    this.resizer = resizer;
    this.image = new Float32Array(3 * resizer.inputHeight * resizer.inputWidth);
    /** Seconds without a frame after which the stream is forgotten. */
    this.maxGap = Infinity;
    this.last = 0;
  }

  /**
   * Returns whether a frame is due. Call it once for each frame.
   *
   * @param {number} seconds the frame's time
   */
  wants(seconds) {
    return this.clock.take(seconds);
  }

  /**
   * Runs the model on a frame that is due. Call `wants` for it first.
   *
   * @param {ImageData} frame
   * @returns {Promise<{outputs: Outputs, seconds: number}>} also the frame's time in the stream
   */
  async run(frame) {
    const seconds = this.clock.elapsed;
    if (seconds - this.last > this.maxGap) {
      this.forget();
    }
    this.last = seconds;
    this.resizer.convert(frame.data, frame.width, frame.height, this.image);
    return { outputs: await this.runner.step(this.image), seconds };
  }

  /** Forgets what the model has seen, as after a gap in the stream. */
  forget() {
    this.runner.reset();
  }

  /** Starts over: the next frame is the first one of another stream. */
  reset() {
    this.forget();
    this.clock.reset();
    this.last = 0;
  }
}
