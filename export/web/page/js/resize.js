/**
 * What the model sees of a frame. Classifiers see it resized, then cropped at the centre; detectors
 * see all of it, resized to fit, with a border at the bottom or on the right. The filter is the one
 * in `tsm_tf/data/resize.py`, antialiased bilinear interpolation; tests compare the two.
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

/**
 * Returns the scale at which a frame fits into an image.
 *
 * @param {number} width of the frame
 * @param {number} height of the frame
 * @param {number} inputHeight
 * @param {number} inputWidth
 */
export function fittingScale(width, height, inputHeight, inputWidth) {
  return Math.min(inputHeight / height, inputWidth / width);
}

/**
 * Computes both axes for a frame of a width and a height.
 *
 * @typedef {(width: number, height: number) => {columns: Axis, rows: Axis}} Layout
 */

/** Resizes frames to the size of the model's image. It keeps tables for the size of the last frame. */
export class FrameResizer {
  /**
   * @param {number} inputHeight of the model's image
   * @param {number} inputWidth of the model's image
   * @param {Layout} layout what the top left of the image shows of a frame
   * @param {number[]} padding RGB of the rest
   */
  constructor(inputHeight, inputWidth, layout, padding) {
    this.inputHeight = inputHeight;
    this.inputWidth = inputWidth;
    this.layout = layout;
    this.padding = padding;
    this.width = 0;
    this.height = 0;
    /** @type {Axis} */
    this.columns = { first: new Int32Array(0), weights: [], longest: 0 };
    this.rows = this.columns;
    /** Source rows that are already resized along x; row r is in `lines[r % lines.length]`. */
    this.lines = [new Float32Array(0)];
    this.lineRows = new Int32Array(0);
    this.sums = new Float32Array(0);
  }

  /**
   * Returns what resizes a frame's shorter side, and crops a square at the centre, as `eval_frame`
   * in `tsm_tf/data/crops.py`.
   *
   * @param {number} inputSize height and width of the model's image
   * @param {number} shortSide pixels to which the shorter side is resized before the crop
   */
  static cropping(inputSize, shortSide) {
    /**
     * @param {number} source
     * @param {number} narrow
     */
    const axis = (source, narrow) => {
      const scaled = Math.max(shortSide, Math.floor((shortSide * source) / narrow));
      return resizeAxis(source, scaled, roundHalfEven((scaled - inputSize) / 2), inputSize);
    };
    /** @type {Layout} */
    const layout = (width, height) => {
      const narrow = Math.min(width, height);
      return { columns: axis(width, narrow), rows: axis(height, narrow) };
    };
    return new FrameResizer(inputSize, inputSize, layout, []);
  }

  /**
   * Returns what resizes whole frames to fit, as `fit_frame` in `tsm_tf/detection/data`.
   *
   * @param {number} inputHeight of the model's image
   * @param {number} inputWidth of the model's image
   * @param {number[]} padding RGB of the border
   */
  static fitting(inputHeight, inputWidth, padding) {
    /** @type {Layout} */
    const layout = (width, height) => {
      const scale = fittingScale(width, height, inputHeight, inputWidth);
      /**
       * @param {number} source
       * @param {number} most
       */
      const axis = (source, most) => {
        const scaled = Math.min(most, Math.max(1, roundHalfEven(source * scale)));
        return resizeAxis(source, scaled, 0, scaled);
      };
      return { columns: axis(width, inputWidth), rows: axis(height, inputHeight) };
    };
    return new FrameResizer(inputHeight, inputWidth, layout, padding);
  }

  /**
   * Writes a frame into the model's image.
   *
   * @param {Uint8ClampedArray | Uint8Array} pixels RGBA rows from top to bottom
   * @param {number} width of the frame
   * @param {number} height of the frame
   * @param {Float32Array} image RGB `[inputHeight, inputWidth, 3]`; receives whole numbers in 0..255
   */
  convert(pixels, width, height, image) {
    this.#prepare(width, height);
    const { rows, sums } = this;
    const stride = CHANNELS * this.inputWidth;
    for (let row = 0; row < rows.first.length; row++) {
      sums.fill(0);
      const weights = rows.weights[row];
      for (let k = 0; k < weights.length; k++) {
        const line = this.#line(pixels, rows.first[row] + k);
        const weight = weights[k];
        for (let i = 0; i < sums.length; i++) {
          sums[i] += weight * line[i];
        }
      }

      const start = row * stride;
      for (let i = 0; i < sums.length; i++) {
        image[start + i] = Math.floor(sums[i] + 0.5);
      }
      this.#pad(image, start + sums.length, start + stride);
    }
    this.#pad(image, rows.first.length * stride, this.inputHeight * stride);
  }

  /**
   * Fills whole pixels with the colour of the border.
   *
   * @param {Float32Array} image
   * @param {number} begin
   * @param {number} end
   */
  #pad(image, begin, end) {
    for (let i = begin; i < end; i++) {
      image[i] = this.padding[i % CHANNELS];
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
      Object.assign(this, this.layout(width, height));
      const length = CHANNELS * this.columns.first.length;
      this.sums = new Float32Array(length);
      this.lines = Array.from({ length: this.rows.longest }, () => new Float32Array(length));
      this.lineRows = new Int32Array(this.lines.length);
    }
    this.lineRows.fill(-1);
  }

  /**
   * Returns a source row in RGB, resized to the width of its part of the image.
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
    for (let column = 0; column < this.columns.first.length; column++) {
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
