/**
 * Runs parts of the page for `test_javascript.py`, which compares them with the Python code. Reads
 * cases as JSON from standard input, and writes the results.
 */

import { readFileSync } from "node:fs";
import { decodeBoxes } from "../../../export/web/page/js/detector.js";
import { EventDecoder } from "../../../export/web/page/js/event_decoder.js";
import { FrameClock } from "../../../export/web/page/js/frame_clock.js";
import { PresenceDecoder } from "../../../export/web/page/js/presence_decoder.js";
import { FrameResizer } from "../../../export/web/page/js/resize.js";

// JSON has no NaN; it is written as null, and infinity as "inf".
const number = (value) => (value === null ? NaN : value === "inf" ? Infinity : value);

const tools = {
  events: ({ classes, background, rules, logits, seconds }) =>
    decode(new EventDecoder(classes, background, rules), logits, seconds),

  presence: ({ thresholds, smoothing, logits, seconds }) =>
    decode(new PresenceDecoder(thresholds, smoothing), logits, seconds),

  clock: ({ fps, seconds }) => {
    const clock = new FrameClock(fps);
    return { taken: seconds.map((time) => clock.take(time)), dropped: clock.dropped };
  },

  frames: (cases) => {
    const resizers = new Map();
    return cases.map(({ model, width, height, rgba }) => {
      const key = JSON.stringify(model);
      if (!resizers.has(key)) {
        resizers.set(key, resizerOf(model));
      }
      const resizer = resizers.get(key);
      const image = new Float32Array(3 * resizer.inputHeight * resizer.inputWidth).fill(7);
      resizer.convert(Buffer.from(rgba, "base64"), width, height, image);
      return Buffer.from(Uint8Array.from(image)).toString("base64");
    });
  },

  boxes: ({ info, frames }) =>
    frames.map(({ outputs, width, height }) => {
      const arrays = Object.entries(outputs).map(([name, values]) => [
        name,
        Float32Array.from(values, number),
      ]);
      return decodeBoxes(Object.fromEntries(arrays), info, width, height);
    }),
};

function resizerOf({ kind, input_size, short_side, input_height, input_width, padding }) {
  return kind === "detector"
    ? FrameResizer.fitting(input_height, input_width, padding)
    : FrameResizer.cropping(input_size, short_side);
}

function decode(decoder, logits, seconds) {
  return logits.map((row, i) => ({
    events: decoder.step(Float32Array.from(row, number), seconds[i]),
    shown: decoder.shown,
    means: Array.from(decoder.means),
  }));
}

const input = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(tools[process.argv[2]](input)));
