const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Bytes as the value of a `-bin` header: base64 without padding, as gRPC asks of senders. */
export function encodeBinaryHeader(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  const padding = text.indexOf('=');
  return padding < 0 ? text : text.slice(0, padding);
}

/** The bytes of one `-bin` value, padded or not; `undefined` if it is not base64. */
export function decodeBinaryHeader(value: string): Uint8Array | undefined {
  if (!BASE64.test(value)) return undefined;
  const digits = value.replaceAll('=', '');
  const padded = digits.length < value.length;
  if (digits.length % 4 === 1 || (padded && value.length % 4 !== 0)) return undefined;
  return new Uint8Array(Buffer.from(digits, 'base64'));
}

/**
 * The values of a `-bin` header field: gRPC lets an intermediary join the values of repeated fields with commas, which base64 never holds.
 */
export const splitBinaryHeader = (value: string): string[] => value.split(',').map((part) => part.trim());
