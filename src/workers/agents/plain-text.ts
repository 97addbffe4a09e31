/** Text of other programs, made fit to be shown: no control characters, no more of it than is of use. */

/** Colours and cursor movements of a terminal; titles and links that it shows. */
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\^_])/g;
/** All control characters but tab and line end; and those that turn the direction of writing around. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Keeps tabs and line ends. */
export function plainText(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(ESCAPES, '').replaceAll(CONTROLS, '');
}

/** One line of at most `length` characters. */
export function oneLine(text: string, length: number): string {
  // What is cut off anyway is not worth the work: an agent may write a whole file.
  const start = text.length > 10 * length ? text.slice(0, 10 * length) : text;
  return clipped(plainText(start).replaceAll(/\s+/g, ' ').trim(), length);
}

/** At most `length` characters, the last one `…` when some are missing; no character is cut in two. */
export function clipped(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
