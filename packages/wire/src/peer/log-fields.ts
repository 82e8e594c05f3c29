import { decodeBinaryHeader, encodeBinaryHeader, type HeaderReader } from '../headers/index.ts';

/** Fields for lines of the log that travel with a forwarded call, so that they stand at the node of the runtime too (spec `modelmesh.md` §6.6). */
export const PEER_LOG_FIELDS_HEADER = 'mesh-log-fields-bin';

/** Most bytes of the fields; those that have no room stay behind. */
export const PEER_LOG_FIELDS_BYTES_MAX = 4096;

/** Names of fields and their values. */
export type LogFields = Readonly<Record<string, string>>;

/** The value of {@link PEER_LOG_FIELDS_HEADER}; `undefined` if there is nothing to say. */
export function formatLogFields(fields: LogFields): string | undefined {
  const kept: Record<string, string> = {};
  let bytes = 0;
  for (const [name, value] of Object.entries(fields)) {
    bytes += Buffer.byteLength(JSON.stringify(name)) + Buffer.byteLength(JSON.stringify(value)) + 2;
    if (bytes > PEER_LOG_FIELDS_BYTES_MAX) break;
    kept[name] = value;
  }
  const names = Object.keys(kept);
  return names.length === 0 ? undefined : encodeBinaryHeader(Buffer.from(JSON.stringify(kept), 'utf8'));
}

/** The fields that came along; none where they are malformed: they decide nothing. */
export function readLogFields(headers: HeaderReader): LogFields {
  const bytes = decodeBinaryHeader(headers.get(PEER_LOG_FIELDS_HEADER) ?? '');
  if (bytes === undefined || bytes.length === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
    return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  } catch {
    return {};
  }
}
