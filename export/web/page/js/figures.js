const KEPT = 50; // frames

/** The time that frames take and their rate, over the last frames. */
export class Figures {
  constructor() {
    this.reset();
  }

  /** Starts over. */
  reset() {
    /** @type {number[]} */
    this.durations = [];
    /** @type {number[]} */
    this.moments = [];
  }

  /**
   * @param {number} moment when the frame came, in milliseconds
   * @param {number} duration of its processing, in milliseconds
   */
  add(moment, duration) {
    this.moments.push(moment);
    this.durations.push(duration);
    if (this.moments.length > KEPT) {
      this.moments.shift();
      this.durations.shift();
    }
  }

  /** The median milliseconds per frame; null before the first frame. */
  get milliseconds() {
    const sorted = this.durations.toSorted((a, b) => a - b);
    return sorted.length ? sorted[Math.floor(sorted.length / 2)] : null;
  }

  /** Frames per second; null before the second frame. */
  get rate() {
    const passed = this.moments[this.moments.length - 1] - this.moments[0];
    return passed > 0 ? (1000 * (this.moments.length - 1)) / passed : null;
  }
}
