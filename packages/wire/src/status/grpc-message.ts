const UNSAFE = /[^ -$&-~]/u;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const PERCENT = 0x25;
const hexDigit = (byte: number | undefined): number => {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
};

/**
 * A text as it may stand in `grpc-message`: UTF-8 bytes outside the visible ASCII characters, and `%`, as `%XX`.
 * Source: gRPC over HTTP/2, *Status-Message*.
 */
export function encodeGrpcMessage(text: string): string {
  if (!UNSAFE.test(text)) return text;
  let out = '';
  for (const byte of encoder.encode(text)) {
    const safe = byte >= 0x20 && byte <= 0x7e && byte !== PERCENT;
    out += safe ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/**
 * The text of a `grpc-message`. Never fails: a `%` that starts no escape stands for itself, invalid UTF-8 becomes U+FFFD, as gRPC asks of
 * receivers.
 */
export function decodeGrpcMessage(value: string): string {
  if (!value.includes('%')) return value;
  const raw = encoder.encode(value);
  const out = new Uint8Array(raw.length);
  let length = 0;
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at] ?? 0;
    const high = byte === PERCENT ? hexDigit(raw[at + 1]) : -1;
    const low = high < 0 ? -1 : hexDigit(raw[at + 2]);
    if (low < 0) {
      out[length++] = byte;
    } else {
      out[length++] = high * 16 + low;
      at += 2;
    }
  }
  return decoder.decode(out.subarray(0, length));
}
