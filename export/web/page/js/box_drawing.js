/** Draws boxes with names over a video, as `tsm_tf/camera/box_drawing.py` does. */

const SVG = "http://www.w3.org/2000/svg";
const FONT_SIZE = 13; // pixels of the page
const BAR_HEIGHT = 17;
const MARGIN = 3;

/**
 * Draws boxes instead of the last ones.
 *
 * @param {SVGSVGElement} svg lies over the video, and is as large
 * @param {import("./detector.js").Detection[]} detections the first one is in front
 * @param {object} frame
 * @param {number} frame.width in pixels, as the boxes
 * @param {number} frame.height
 * @param {boolean} frame.isMirrored whether the video shows left and right swapped
 * @param {number[][]} colors RGB of each class
 */
export function drawBoxes(svg, detections, { width, height, isMirrored }, colors) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  // Pixels of the frame per pixel of the page.
  const unit = Math.max(width / (svg.clientWidth || width), height / (svg.clientHeight || height));
  for (const { label, index, score, box } of detections.toReversed()) {
    const [left, top, right, bottom] = box;
    const x = isMirrored ? width - right : left;
    const color = `rgb(${colors[index].join(" ")})`;
    const size = { width: right - left, height: bottom - top };
    add(svg, "rect", { class: "box", x, y: top, ...size, stroke: color });

    const bar = add(svg, "rect", { fill: color });
    const name = add(svg, "text", { class: "box-name", "font-size": FONT_SIZE * unit });
    name.textContent = `${label} ${Math.round(100 * score)}%`;
    const text = /** @type {SVGTextElement} */ (name);
    const barWidth = text.getComputedTextLength() + 2 * MARGIN * unit;
    const barHeight = BAR_HEIGHT * unit;
    // Above the box, or in it at the upper border.
    const barX = Math.max(0, Math.min(x, width - barWidth));
    const barY = top >= barHeight ? top - barHeight : top;
    set(bar, { x: barX, y: barY, width: barWidth, height: barHeight });
    set(name, { x: barX + MARGIN * unit, y: barY + FONT_SIZE * unit });
  }
}

/**
 * @param {SVGElement} parent
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function add(parent, tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  set(made, attributes);
  parent.append(made);
  return made;
}

/**
 * @param {Element} target
 * @param {Record<string, string | number>} attributes
 */
function set(target, attributes) {
  Object.entries(attributes).forEach(([name, value]) => target.setAttribute(name, String(value)));
}
