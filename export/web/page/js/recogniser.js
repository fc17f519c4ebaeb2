import { EventDecoder } from "./event_decoder.js";
import { FrameStream } from "./frame_stream.js";
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

/** Chooses the frames that are due, runs the model on them, and decodes its output into events. */
export class Recogniser extends FrameStream {
  /**
   * @param {import("./model_info.js").ClassifierInfo} info
   * @param {import("./frame_stream.js").Runner} runner
   */
  constructor(info, runner) {
    super(info.fps, runner, FrameResizer.cropping(info.input_size, info.short_side));
    this.info = info;
    this.decoder = info.multi_label
      ? new PresenceDecoder(info.thresholds, info.events.smoothing_seconds)
      : new EventDecoder(info.labels.length, info.background, info.events);
  }

  /**
   * Processes a frame that is due. Call `wants` for it first.
   *
   * @param {ImageData} frame
   * @returns {Promise<Recognition>}
   */
  async process(frame) {
    const { outputs, seconds } = await this.run(frame);
    const { logits } = outputs;
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
    super.forget();
    this.decoder.reset();
  }
}
