import { drawBoxes } from "./box_drawing.js";
import { create, element } from "./elements.js";

const LISTED = 8; // objects

/** What the page shows of a detector: boxes over the video, and a list of the objects. */
export class DetectionView {
  /**
   * @param {Document} document
   * @param {import("./model_info.js").DetectorInfo} info
   */
  constructor(document, info) {
    this.document = document;
    this.info = info;
    /** @type {import("./detector.js").FrameDetections | null} */
    this.result = null;
    this.threshold = info.shown_score;
    element(document, "detection").hidden = false;
    const slider = /** @type {HTMLInputElement} */ (element(document, "threshold"));
    slider.value = String(this.threshold);
    slider.addEventListener("input", () => {
      this.threshold = Number(slider.value);
      this.#show();
    });
    this.clear();
  }

  /** Shows a stream without frames. */
  clear() {
    this.result = null;
    this.#show();
  }

  /** @param {import("./detector.js").FrameDetections} result */
  showResult(result) {
    this.result = result;
    this.#show();
  }

  #show() {
    const { result, info } = this;
    const shown = result?.detections.filter(({ score }) => score >= this.threshold) ?? [];
    const isMirrored = element(this.document, "stage").classList.contains("is-mirrored");
    const svg = /** @type {any} */ (element(this.document, "boxes"));
    const { width, height } = result ?? { width: 1, height: 1 };
    drawBoxes(svg, shown, { width, height, isMirrored }, info.colors);

    element(this.document, "least").textContent = `${Math.round(100 * this.threshold)}%`;
    element(this.document, "counts").textContent = countsOf(shown) || "nothing";
    const rows = shown.slice(0, LISTED).map((detection) => this.#row(detection));
    element(this.document, "objects").replaceChildren(...rows);
  }

  /** @param {import("./detector.js").Detection} detection */
  #row({ label, index, score }) {
    const row = create(this.document, "li", "object");
    const color = create(this.document, "span", "object-color", row);
    color.style.background = `rgb(${this.info.colors[index].join(" ")})`;
    create(this.document, "span", "object-label", row).textContent = label;
    const percent = `${Math.round(100 * score)}%`;
    create(this.document, "span", "object-percent", row).textContent = percent;
    return row;
  }
}

/**
 * Returns for example "2 ring, 1 cross".
 *
 * @param {import("./detector.js").Detection[]} detections
 */
function countsOf(detections) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  detections.forEach(({ label }) => counts.set(label, (counts.get(label) ?? 0) + 1));
  return Array.from(counts, ([label, count]) => `${count} ${label}`).join(", ");
}
