import { FrameStream } from "./frame_stream.js";
import { FrameResizer, fittingScale } from "./resize.js";

/**
 * An object in a frame.
 *
 * @typedef {object} Detection
 * @property {string} label
 * @property {number} index of the class
 * @property {number} score in 0..1
 * @property {number[]} box left, top, right and bottom in pixels of the frame, half-open
 */

/**
 * What a detector says about a frame.
 *
 * @typedef {object} FrameDetections
 * @property {number} seconds time of the frame in the stream
 * @property {number} width of the frame
 * @property {number} height of the frame
 * @property {Detection[]} detections the best first, whatever their score
 */

/** Finds objects in the frames that are due. */
export class Detector extends FrameStream {
  /**
   * @param {import("./model_info.js").DetectorInfo} info
   * @param {import("./frame_stream.js").Runner} runner
   */
  constructor(info, runner) {
    const { input_height: height, input_width: width, padding } = info;
    super(info.fps, runner, FrameResizer.fitting(height, width, padding));
    this.info = info;
  }

  /**
   * Processes a frame that is due. Call `wants` for it first.
   *
   * @param {ImageData} frame
   * @returns {Promise<FrameDetections>}
   */
  async process(frame) {
    const { width, height } = frame;
    const { outputs, seconds } = await this.run(frame);
    return { seconds, width, height, detections: decodeBoxes(outputs, this.info, width, height) };
  }
}

/**
 * Returns what a detector has found, in pixels of the frame; the counterpart of `DetectionSession`
 * in `export/live`.
 *
 * @param {import("./frame_stream.js").Outputs} outputs `boxes` `[N, 4]` with ymin, xmin, ymax and
 *   xmax in 0..1 of the model's image, `classes` and `scores` `[N]`, and `count` `[1]`
 * @param {import("./model_info.js").DetectorInfo} info
 * @param {number} width of the frame
 * @param {number} height of the frame
 * @returns {Detection[]}
 */
export function decodeBoxes({ boxes, classes, scores, count }, info, width, height) {
  const { input_height: inputHeight, input_width: inputWidth, labels } = info;
  const scale = fittingScale(width, height, inputHeight, inputWidth);
  const found = Math.trunc(clamp(count[0], scores.length));
  return Array.from({ length: found }, (_, i) => {
    const [top, left, bottom, right] = boxes.subarray(4 * i, 4 * i + 4);
    // Whatever a damaged model gives, a class has a label.
    const index = Math.trunc(clamp(classes[i], labels.length - 1));
    return {
      label: labels[index],
      index,
      score: scores[i],
      box: [
        clamp((left * inputWidth) / scale, width),
        clamp((top * inputHeight) / scale, height),
        clamp((right * inputWidth) / scale, width),
        clamp((bottom * inputHeight) / scale, height),
      ],
    };
  });
}

/**
 * Limits a number to 0..largest; NaN becomes 0.
 *
 * @param {number} value
 * @param {number} largest
 */
function clamp(value, largest) {
  return Math.max(0, Math.min(largest, value || 0));
}
