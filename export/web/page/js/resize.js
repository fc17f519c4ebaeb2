/**
 * What the model sees of a frame: resized, then cropped at the centre. The filter is the one in
 * `tsm_tf/data/resize.py`, antialiased bilinear interpolation; tests compare the two.
 */

const CHANNELS = 3;
const SOURCE_CHANNELS = 4; // RGBA, as a canvas stores it

/**
 * The source pixels of each target pixel along one axis, and their weights.
 *
 * @typedef {object} Axis
 * @property {Int32Array} first the first source pixel of each target pixel; it never decreases
 * @property {Float32Array[]} weights of consecutive source pixels, for each target pixel
 * @property {number} longest the largest number of source pixels that make one target pixel
 */

/**
 * Computes the weights along one axis.
 *
 * The weights fall linearly from the target pixel's centre to zero at a distance of one source
 * pixel, or of one target pixel when shrinking, and add up to 1. Beyond the frame's edge, the edge
 * pixel is repeated.
 *
 * @param {number} source number of pixels before resizing
 * @param {number} scaled number of pixels after resizing
 * @param {number} from the first resized pixel to keep
 * @param {number} kept the number of resized pixels to keep
 * @returns {Axis}
 */
export function resizeAxis(source, scaled, from, kept) {
  const scale = source / scaled;
  const radius = Math.max(1, scale);
  const first = new Int32Array(kept);
  const weights = [];
  let longest = 0;
  for (let i = 0; i < kept; i++) {
    const centre = (from + i + 0.5) * scale;
    const begin = Math.floor(centre - radius - 0.5) + 1;
    const end = Math.ceil(centre + radius - 0.5);
    first[i] = clamp(begin, source);
    const triangle = new Float64Array(clamp(end - 1, source) + 1 - first[i]);
    let sum = 0;
    for (let x = begin; x < end; x++) {
      const weight = 1 - Math.abs(x + 0.5 - centre) / radius;
      triangle[clamp(x, source) - first[i]] += weight;
      sum += weight;
    }
    weights.push(Float32Array.from(triangle, (weight) => weight / sum));
    longest = Math.max(longest, triangle.length);
  }
  return { first, weights, longest };
}

/** Resizes and crops frames. It keeps tables for the size of the last frame. */
export class FrameResizer {
  /**
   * @param {number} inputSize height and width of the model's frames
   * @param {number} shortSide pixels to which the shorter side is resized before the crop
   */
  constructor(inputSize, shortSide) {
    this.inputSize = inputSize;
    this.shortSide = shortSide;
    this.width = 0;
    this.height = 0;
    /** @type {Axis} */
    this.columns = { first: new Int32Array(0), weights: [], longest: 0 };
    this.rows = this.columns;
    /** Source rows that are already resized along x; row r is in `lines[r % lines.length]`. */
    this.lines = [new Float32Array(0)];
    this.lineRows = new Int32Array(0);
    this.sums = new Float32Array(CHANNELS * inputSize);
  }

  /**
   * Writes a frame into the model's input.
   *
   * @param {Uint8ClampedArray | Uint8Array} pixels RGBA rows from top to bottom
   * @param {number} width of the frame
   * @param {number} height of the frame
   * @param {Float32Array} image RGB `[inputSize, inputSize, 3]`; receives whole numbers in 0..255
   */
  convert(pixels, width, height, image) {
    this.#prepare(width, height);
    const { rows, sums } = this;
    for (let row = 0; row < this.inputSize; row++) {
      sums.fill(0);
      const weights = rows.weights[row];
      for (let k = 0; k < weights.length; k++) {
        const line = this.#line(pixels, rows.first[row] + k);
        const weight = weights[k];
        for (let i = 0; i < sums.length; i++) {
          sums[i] += weight * line[i];
        }
      }

      const start = row * sums.length;
      for (let i = 0; i < sums.length; i++) {
        image[start + i] = Math.floor(sums[i] + 0.5);
      }
    }
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #prepare(width, height) {
    if (width !== this.width || height !== this.height) {
      this.width = width;
      this.height = height;
      const narrow = Math.min(width, height);
      this.columns = this.#axis(width, narrow);
      this.rows = this.#axis(height, narrow);
      const length = CHANNELS * this.inputSize;
      this.lines = Array.from({ length: this.rows.longest }, () => new Float32Array(length));
      this.lineRows = new Int32Array(this.lines.length);
    }
    this.lineRows.fill(-1);
  }

  /**
   * @param {number} source
   * @param {number} narrow
   */
  #axis(source, narrow) {
    const scaled = Math.max(this.shortSide, Math.floor((this.shortSide * source) / narrow));
    return resizeAxis(source, scaled, roundHalfEven((scaled - this.inputSize) / 2), this.inputSize);
  }

  /**
   * Returns a source row in RGB, resized to the model's width.
   *
   * @param {Uint8ClampedArray | Uint8Array} pixels
   * @param {number} row
   */
  #line(pixels, row) {
    const slot = row % this.lines.length;
    const line = this.lines[slot];
    if (this.lineRows[slot] === row) {
      return line;
    }

    this.lineRows[slot] = row;
    const start = row * this.width;
    for (let column = 0; column < this.inputSize; column++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      let pixel = SOURCE_CHANNELS * (start + this.columns.first[column]);
      const weights = this.columns.weights[column];
      for (let k = 0; k < weights.length; k++) {
        const weight = weights[k];
        red += weight * pixels[pixel];
        green += weight * pixels[pixel + 1];
        blue += weight * pixels[pixel + 2];
        pixel += SOURCE_CHANNELS;
      }
      line[CHANNELS * column] = red;
      line[CHANNELS * column + 1] = green;
      line[CHANNELS * column + 2] = blue;
    }
    return line;
  }
}

/**
 * @param {number} x
 * @param {number} size
 */
function clamp(x, size) {
  return Math.max(0, Math.min(size - 1, x));
}

/**
 * Rounds as Python does.
 *
 * @param {number} value
 */
function roundHalfEven(value) {
  const floor = Math.floor(value);
  const isHalf = value - floor === 0.5;
  return isHalf ? floor + (floor % 2) : Math.round(value);
}
