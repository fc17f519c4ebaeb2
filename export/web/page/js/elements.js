/**
 * Returns an element of the page.
 *
 * @param {Document} document
 * @param {string} id
 */
export function element(document, id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * @param {Document} document
 * @param {string} tag
 * @param {string} className
 * @param {Element} [parent]
 */
export function create(document, tag, className, parent) {
  const made = document.createElement(tag);
  made.className = className;
  parent?.append(made);
  return made;
}
