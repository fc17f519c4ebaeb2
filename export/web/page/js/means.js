/** Probabilities of classes, and their running means. */

/**
 * @param {ArrayLike<number>} logits
 * @returns {Float64Array} the probability of each class, where exactly one class is right
 */
export function softmax(logits) {
  const values = Float64Array.from(logits);
  const largest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const shifted = values.map((value) => Math.exp(value - largest));
  const sum = shifted.reduce((total, value) => total + value, 0);
  return shifted.map((value) => value / sum);
}

/**
 * @param {ArrayLike<number>} logits
 * @returns {Float64Array} the probability of each class, where several classes may be right
 */
export function sigmoid(logits) {
  return Float64Array.from(logits, (logit) => {
    const small = Math.exp(-Math.abs(logit)); // never overflows
    return (logit >= 0 ? 1 : small) / (1 + small);
  });
}

/** @param {ArrayLike<number>} values */
export function areFinite(values) {
  return Array.from(values).every(Number.isFinite);
}

/**
 * Moves running means towards the probabilities of the next frame.
 *
 * @param {Float64Array} means changed in place
 * @param {Float64Array} probabilities
 * @param {number} passed seconds since the last frame; NaN for the first one
 * @param {number} timeConstant seconds; 0 keeps nothing of the old means
 */
export function updateMeans(means, probabilities, passed, timeConstant) {
  const isFirst = Number.isNaN(passed);
  const kept = isFirst || timeConstant <= 0 ? 0 : Math.exp(-passed / timeConstant);
  for (let i = 0; i < means.length; i++) {
    means[i] += (1 - kept) * (probabilities[i] - means[i]);
  }
}
