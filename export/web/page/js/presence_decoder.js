import { areFinite, sigmoid, updateMeans } from "./means.js";

/**
 * Finds the classes that are present in a stream, for models whose videos may have several classes,
 * as `PresenceDecoder` in `tsm_tf/evaluation/presence.py` does; tests compare the two.
 */
export class PresenceDecoder {
  #seconds = NaN; // of the last frame

  /**
   * @param {number[]} thresholds for each class the mean probability from which on it is present
   * @param {number} smoothingSeconds time constant of the means
   */
  constructor(thresholds, smoothingSeconds) {
    this.thresholds = thresholds;
    this.smoothingSeconds = smoothingSeconds;
    /** The mean probability of each class after the last frame; zeros before the first one. */
    this.means = new Float64Array(thresholds.length);
    this.isPresent = thresholds.map(() => false);
  }

  /** Forgets the stream. */
  reset() {
    this.means.fill(0);
    this.isPresent.fill(false);
    this.#seconds = NaN;
  }

  /**
   * The classes that are present, the most probable first.
   *
   * @returns {number[]}
   */
  get shown() {
    const present = [...this.means.keys()].filter((i) => this.isPresent[i]);
    return present.sort((a, b) => this.means[b] - this.means[a]);
  }

  /**
   * Decodes the next frame. A frame whose logits are not finite is ignored.
   *
   * @param {ArrayLike<number>} logits
   * @param {number} seconds the frame's time; if it steps back, the decoder is reset before this
   *   frame
   * @returns {number[]} the classes that appear at this frame
   */
  step(logits, seconds) {
    if (!areFinite(logits)) {
      return [];
    }
    if (seconds < this.#seconds) {
      this.reset();
    }
    updateMeans(this.means, sigmoid(logits), seconds - this.#seconds, this.smoothingSeconds);
    this.#seconds = seconds;

    const before = this.isPresent;
    this.isPresent = this.thresholds.map((threshold, i) => this.means[i] >= threshold);
    return [...this.means.keys()].filter((i) => this.isPresent[i] && !before[i]);
  }
}
