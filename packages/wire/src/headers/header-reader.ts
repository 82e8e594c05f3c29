/** The part of a header block that is needed to read it; names are lower case. */
export interface HeaderReader {
  /** The first value of `name`, or `undefined`. */
  get(name: string): string | undefined;
  /** All values of `name`, in order. */
  getAll(name: string): readonly string[];
}

/** Whether a text may stand in a header as it is and be read as one by ModelMesh: bytes 32 to 126. Source: spec `modelmesh.md` §2.2. */
export function isVisibleAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}
