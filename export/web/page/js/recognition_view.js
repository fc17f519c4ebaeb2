import { create, element } from "./elements.js";

const ALL_CLASSES = 10; // up to this many classes all have a bar, in the order of the labels
const TOP_CLASSES = 5;
const SHOWN_EVENTS = 6;
const FLASH_MS = 600;

/** What the page shows of a classifier: the label, the bars and the events. */
export class RecognitionView {
  /**
   * @param {Document} document
   * @param {import("./model_info.js").ClassifierInfo} info
   */
  constructor(document, info) {
    this.document = document;
    this.info = info;
    this.total = 0;
    this.flashUntil = 0;
    element(document, "recognition").hidden = false;
    element(document, "label").hidden = false;
    this.bars = Array.from({ length: this.#numBars() }, () => this.#addBar());
    this.clear();
  }

  /** Shows a stream without frames. */
  clear() {
    this.total = 0;
    element(this.document, "events").replaceChildren();
    element(this.document, "total").textContent = "none yet";
    this.#showLabel([]);
    this.#showBars(this.info.labels.map(() => 0));
  }

  /** @param {import("./recogniser.js").Recognition} result */
  showResult(result) {
    this.#showLabel(result.shown);
    this.#showBars(result.probabilities);
    result.events.forEach((event) => this.#addEvent(event));
  }

  #numBars() {
    return this.info.labels.length <= ALL_CLASSES ? this.info.labels.length : TOP_CLASSES;
  }

  #addBar() {
    const row = create(this.document, "li", "bar");
    const label = create(this.document, "span", "bar-label", row);
    const percent = create(this.document, "span", "bar-percent", row);
    const track = create(this.document, "span", "bar-track", row);
    const fill = create(this.document, "span", "bar-fill", track);
    element(this.document, "bars").append(row);
    return { row, label, fill, percent };
  }

  /** @param {number[]} probabilities */
  #showBars(probabilities) {
    let order = [...probabilities.keys()];
    if (order.length > ALL_CLASSES) {
      order = order.sort((a, b) => probabilities[b] - probabilities[a]).slice(0, TOP_CLASSES);
    }
    const largest = Math.max(...order.map((index) => probabilities[index]));
    order.forEach((index, place) => {
      const { row, label, fill, percent } = this.bars[place];
      label.textContent = this.info.labels[index];
      fill.style.transform = `scaleX(${probabilities[index]})`;
      percent.textContent = `${Math.round(100 * probabilities[index])}%`;
      row.classList.toggle("is-largest", largest > 0 && probabilities[index] === largest);
    });
  }

  /** @param {number[]} shown */
  #showLabel(shown) {
    const { labels, background } = this.info;
    const label = element(this.document, "label");
    const text = shown.map((index) => labels[index]).join(", ") || "–";
    if (label.textContent !== text) {
      label.textContent = text;
    }
    label.classList.toggle(
      "is-idle",
      shown.every((index) => background.includes(index)),
    );
  }

  /** @param {import("./recogniser.js").GestureEvent} event */
  #addEvent(event) {
    const list = element(this.document, "events");
    const row = create(this.document, "li", "event");
    create(this.document, "span", "event-time", row).textContent = `${event.seconds.toFixed(1)} s`;
    create(this.document, "span", "event-label", row).textContent = event.label;
    const percent = `${Math.round(100 * event.probability)}%`;
    create(this.document, "span", "event-percent", row).textContent = percent;
    list.prepend(row);
    while (list.children.length > SHOWN_EVENTS) {
      list.lastElementChild?.remove();
    }
    this.total++;
    element(this.document, "total").textContent = String(this.total);

    const stage = element(this.document, "stage");
    stage.classList.add("has-event");
    this.flashUntil = performance.now() + FLASH_MS;
    setTimeout(() => {
      stage.classList.toggle("has-event", performance.now() < this.flashUntil - 1);
    }, FLASH_MS);
  }
}
