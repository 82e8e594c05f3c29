const GO_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['<', '\\u003c'],
  ['>', '\\u003e'],
  ['&', '\\u0026'],
  ['\u2028', '\\u2028'],
  ['\u2029', '\\u2029'],
]);

/**
 * JSON as Go writes it: what a ModelMesh controller hashes and stores. The order of the fields is that of the object; absent ones
 * (`undefined`) are left out.
 */
export const goJson = (value: unknown): string =>
  JSON.stringify(value)
    .replace(/\\[bf\\]/g, (written) => (written === '\\b' ? '\\u0008' : written === '\\f' ? '\\u000c' : written))
    .replace(/[<>&\u2028\u2029]/g, (character) => GO_ESCAPES.get(character) ?? character);
