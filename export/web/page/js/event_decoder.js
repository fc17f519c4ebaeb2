import { areFinite, softmax, updateMeans } from "./means.js";

const EPSILON = 1e-6; // seconds; 0.1 + 0.2 should reach 0.3

/** No class. */
export const NONE = -1;

/**
 * When a gesture counts as an event; see `EventRules` in `tsm_tf/event_rules.py`.
 *
 * @typedef {object} EventRules
 * @property {number} smoothing_seconds
 * @property {number} open_probability
 * @property {number} close_probability
 * @property {number} min_seconds
 * @property {number} refractory_seconds
 */

/**
 * Turns the logits of a stream into events, one per gesture, as `EventDecoder` in
 * `tsm_tf/evaluation/events.py` does; tests compare the two.
 */
export class EventDecoder {
  #seconds = NaN; // of the last frame
  #candidate = NONE; // the class whose mean is high
  #highSince = 0;
  #active = NONE; // the class of the event in progress
  #silentUntil = -Infinity;

  /**
   * @param {number} numClasses
   * @param {number[]} background indices of the classes in which nothing happens
   * @param {EventRules} rules
   */
  constructor(numClasses, background, rules) {
    this.rules = rules;
    this.isBackground = Array.from({ length: numClasses }, (_, i) => background.includes(i));
    /** The mean probability of each class after the last frame; zeros before the first one. */
    this.means = new Float64Array(numClasses);
  }

  /** Forgets the stream. */
  reset() {
    this.means.fill(0);
    this.#seconds = NaN;
    this.#candidate = NONE;
    this.#highSince = 0;
    this.#active = NONE;
    this.#silentUntil = -Infinity;
  }

  /**
   * The classes to show, which never contradict the probabilities: that of the event in progress
   * while it is the most probable one, otherwise the most probable background class, if there is
   * one.
   *
   * @returns {number[]}
   */
  get shown() {
    let top = 0;
    for (let i = 1; i < this.means.length; i++) {
      top = this.means[i] > this.means[top] ? i : top;
    }
    const shown = top === this.#active ? top : this.#best(true);
    return shown === NONE ? [] : [shown];
  }

  /**
   * Decodes the next frame. A frame whose logits are not finite is ignored.
   *
   * @param {ArrayLike<number>} logits
   * @param {number} seconds the frame's time; if it steps back, the decoder is reset before this
   *   frame
   * @returns {number[]} the class whose event begins with this frame, if any
   */
  step(logits, seconds) {
    if (!areFinite(logits)) {
      return [];
    }
    if (seconds < this.#seconds) {
      this.reset();
    }
    const { rules } = this;
    updateMeans(this.means, softmax(logits), seconds - this.#seconds, rules.smoothing_seconds);
    this.#seconds = seconds;

    if (this.#active !== NONE && this.means[this.#active] < rules.close_probability) {
      this.#active = NONE;
    }

    const best = this.#best(false);
    if (best === NONE || this.means[best] < Math.max(rules.open_probability, EPSILON)) {
      this.#candidate = NONE;
      return [];
    }
    if (best !== this.#candidate) {
      this.#candidate = best;
      this.#highSince = seconds;
    }

    const hasLasted = seconds - this.#highSince >= rules.min_seconds - EPSILON;
    const mayReport = seconds >= this.#silentUntil - EPSILON;
    if (best === this.#active || !hasLasted || !mayReport) {
      return [];
    }
    this.#active = best;
    this.#silentUntil = seconds + rules.refractory_seconds;
    return [best];
  }

  /**
   * Returns the most probable gesture or background class, or NONE.
   *
   * @param {boolean} background
   */
  #best(background) {
    let best = NONE;
    for (let i = 0; i < this.means.length; i++) {
      if (
        this.isBackground[i] === background &&
        (best === NONE || this.means[i] > this.means[best])
      ) {
        best = i;
      }
    }
    return best;
  }
}
