const DEFAULT_STRIDE = 2;
const SLACK = 1e-3; // of a period, because times are rounded
const LARGEST_STEP_BACK = 1; // second
const LARGEST_STEP = 24 * 3600; // seconds

/**
 * Chooses the frames that the model sees, so that they arrive at the frame rate of the training
 * clips, as `AtRate` in `export/live/frame_clock.py` does. If that rate is unknown, every second
 * frame is chosen, as in the original demo.
 *
 * A clock may restart: the time of a frame then lies far before or far after that of the previous
 * one. Time continues as if none had passed between the two.
 */
export class FrameClock {
  /** Seconds from the first frame to the last one, without restarts. */
  elapsed = 0;
  /** How often no frame came when one was due, because the video or the model was too slow. */
  dropped = 0;
  #offset = 0;
  #seen = 0;
  #due = 0;

  /** @param {number | null} fps frames per second; null if unknown */
  constructor(fps) {
    this.fps = fps;
  }

  /** Starts over with the next frame. */
  reset() {
    this.elapsed = this.dropped = this.#offset = this.#seen = this.#due = 0;
  }

  /**
   * Returns whether the model takes a frame. Call it once for each frame.
   *
   * @param {number} seconds the frame's time
   */
  take(seconds) {
    this.#advance(seconds);
    this.#seen++;
    if (this.fps === null) {
      return (this.#seen - 1) % DEFAULT_STRIDE === 0;
    }

    const moment = Math.floor(this.elapsed * this.fps + SLACK);
    if (moment < this.#due) {
      return false;
    }
    this.dropped += moment - this.#due;
    this.#due = moment + 1;
    return true;
  }

  /** @param {number} seconds */
  #advance(seconds) {
    const step = seconds + this.#offset - this.elapsed;
    if (this.#seen === 0 || step < -LARGEST_STEP_BACK || step > LARGEST_STEP) {
      this.#offset = this.elapsed - seconds;
    }
    this.elapsed = Math.max(this.elapsed, seconds + this.#offset); // a small step back keeps the time
  }
}
