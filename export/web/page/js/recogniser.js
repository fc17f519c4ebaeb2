import { EventDecoder } from "./event_decoder.js";
import { FrameClock } from "./frame_clock.js";
import { PresenceDecoder } from "./presence_decoder.js";
import { FrameResizer } from "./resize.js";

/**
 * A gesture that was recognised.
 *
 * @typedef {object} GestureEvent
 * @property {string} label
 * @property {number} index of the class
 * @property {number} seconds time in the stream
 * @property {number} probability the mean probability of the class at that time
 */

/**
 * What the model says after a frame.
 *
 * @typedef {object} Recognition
 * @property {number} seconds time of the frame in the stream
 * @property {Float32Array} logits
 * @property {number[]} probabilities the mean probability of each class
 * @property {number[]} shown the classes to show
 * @property {GestureEvent[]} events that begin with this frame
 */

/**
 * One frame at a time to logits.
 *
 * @typedef {object} Runner
 * @property {(image: Float32Array) => Promise<Float32Array>} step
 * @property {() => void} reset
 */

/** Chooses the frames that are due, runs the model on them, and decodes its output into events. */
export class Recogniser {
  /**
   * @param {import("./model_info.js").ModelInfo} info
   * @param {Runner} runner
   */
  constructor(info, runner) {
    this.info = info;
    this.runner = runner;
    this.clock = new FrameClock(info.fps);
    this.resizer = new FrameResizer(info.input_size, info.short_side);
    this.decoder = info.multi_label
      ? new PresenceDecoder(info.thresholds, info.events.smoothing_seconds)
      : new EventDecoder(info.labels.length, info.background, info.events);
    this.image = new Float32Array(3 * info.input_size * info.input_size);
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
   * Processes a frame that is due. Call `wants` for it first.
   *
   * @param {ImageData} frame
   * @returns {Promise<Recognition>}
   */
  async process(frame) {
    const seconds = this.clock.elapsed;
    if (seconds - this.last > this.maxGap) {
      this.forget();
    }
    this.last = seconds;
    this.resizer.convert(frame.data, frame.width, frame.height, this.image);
    const logits = await this.runner.step(this.image);
    const found = this.decoder.step(logits, seconds);
    const probabilities = Array.from(this.decoder.means);
    return {
      seconds,
      logits,
      probabilities,
      shown: this.decoder.shown,
      events: found.map((index) => ({
        label: this.info.labels[index],
        index,
        seconds,
        probability: probabilities[index],
      })),
    };
  }

  /** Forgets what the model and the decoder have seen, as after a gap in the stream. */
  forget() {
    this.runner.reset();
    this.decoder.reset();
  }

  /** Starts over: the next frame is the first one of another stream. */
  reset() {
    this.forget();
    this.clock.reset();
    this.last = 0;
  }
}
