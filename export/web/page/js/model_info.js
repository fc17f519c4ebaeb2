import { PageError } from "./page_error.js";

/**
 * What `export.web` writes about every model, from the metadata in its file.
 *
 * @typedef {object} CommonInfo
 * @property {string} file name of the `.tflite` file
 * @property {number} bytes its size
 * @property {string} crc32 its checksum
 * @property {string} variant how it is quantised
 * @property {string} backbone
 * @property {string[]} labels in the order of the classes
 * @property {number | null} fps frames per second; null if unknown
 * @property {string | null} card name of the model card
 * @property {string | null} sample name of the sample video
 * @property {string | null} note what visitors should know about the model
 */

/**
 * About a classifier.
 *
 * @typedef {object} OfClassifiers
 * @property {"classifier"} kind
 * @property {number[]} background indices of the classes in which nothing happens
 * @property {number} input_size height and width of the model's frames
 * @property {number} short_side pixels to which a frame's shorter side is resized before the crop
 * @property {boolean} multi_label whether several classes may be present at once
 * @property {number[]} thresholds of the classes of a model with several classes
 * @property {import("./event_decoder.js").EventRules} events
 */

/**
 * About a detector.
 *
 * @typedef {object} OfDetectors
 * @property {"detector"} kind
 * @property {number} input_height of the model's frames
 * @property {number} input_width of the model's frames
 * @property {number[]} padding RGB of the border of frames of another aspect ratio
 * @property {number} shown_score lowest score of the boxes that are drawn, until the visitor moves it
 * @property {number[][]} colors RGB of each class
 */

/** @typedef {CommonInfo & OfClassifiers} ClassifierInfo */
/** @typedef {CommonInfo & OfDetectors} DetectorInfo */
/** @typedef {ClassifierInfo | DetectorInfo} ModelInfo */

/**
 * Fetches `model.json` and the model.
 *
 * @param {URL} folder
 * @returns {Promise<{info: ModelInfo, bytes: Uint8Array}>}
 */
export async function fetchModel(folder) {
  const info = await (await fetchFile(new URL("model.json", folder))).json();
  // The checksum makes sure that a browser does not use an older file that it has stored.
  const url = new URL(`${encodeURIComponent(info.file)}?${info.crc32}`, folder);
  const bytes = new Uint8Array(await (await fetchFile(url)).arrayBuffer());
  if (bytes.length !== info.bytes) {
    const sizes = `${bytes.length} bytes instead of ${info.bytes}`;
    throw new PageError(`${info.file} on the server is damaged or another file: ${sizes}.`);
  }
  return { info, bytes };
}

/** @param {URL} url */
async function fetchFile(url) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) {
    const reason = response
      ? `the server answers ${response.status}`
      : "the server does not answer";
    throw new PageError(`${url.pathname} cannot be loaded: ${reason}.`);
  }
  return response;
}
