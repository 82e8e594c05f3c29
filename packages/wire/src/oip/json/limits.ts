/** What a JSON body may cost before it is refused. Each bound is checked while reading, before memory is taken for what lies beyond it. */
export interface JsonLimits {
  /** Length of the document in bytes. */
  readonly bytesMax: number;
  /** Arrays and objects within one another. */
  readonly depthMax: number;
  /** Array elements and object members of the whole document. */
  readonly elementsMax: number;
}

/** Used where the caller names no limits of its own. */
export const JSON_LIMITS: JsonLimits = { bytesMax: 64 << 20, depthMax: 64, elementsMax: 16 << 20 };
