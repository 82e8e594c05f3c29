/** The part of a header block that is needed to read it; names are lower case. */
export interface HeaderReader {
  /** The first value of `name`, or `undefined`. */
  get(name: string): string | undefined;
  /** All values of `name`, in order. */
  getAll(name: string): readonly string[];
}

/** Whether a text may stand in a header as it is and be read as one by ModelMesh: bytes 32 to 126. Source: spec `modelmesh.md` §2.2. */
export const isVisibleAscii = (text: string): boolean => /^[ -~]*$/.test(text);
