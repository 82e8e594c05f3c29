/** Longest value of a header that is written to the log; the rest is cut. */
export const LOGGED_HEADER_CHARS_MAX = 256;

/**
 * Fields for log lines from the headers of a request, as `MM_LOG_REQUEST_HEADERS` names them (spec `modelmesh.md` §6.6): headers whose name
 * ends in `-bin` are decoded as UTF-8.
 *
 * @param names header name in lower case → name of the field
 * @param get the first value of a header
 */
export function requestFields(
  names: ReadonlyMap<string, string>,
  get: (header: string) => string | undefined,
): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const [header, field] of names) {
    const value = get(header);
    if (value === undefined) continue;
    const text = header.endsWith('-bin') ? Buffer.from(value, 'base64').toString('utf8') : value;
    fields[field] = text.slice(0, LOGGED_HEADER_CHARS_MAX);
  }
  return fields;
}
