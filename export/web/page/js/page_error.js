/** An error whose message is meant for the person in front of the page. */
export class PageError extends Error {}
