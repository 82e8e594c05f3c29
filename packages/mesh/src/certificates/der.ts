/** The few forms of DER that a certificate is made of. Source: ITU-T X.690, RFC 5280. */

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One value with its tag and length. */
export function tagged(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const digits = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, body]);
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => tagged(TAG.sequence, ...items);
export const set = (...items: readonly Uint8Array[]): Buffer => tagged(TAG.set, ...items);
export const octets = (content: Uint8Array): Buffer => tagged(TAG.octetString, content);
export const bits = (content: Uint8Array): Buffer => tagged(TAG.bitString, Buffer.from([0]), content);
export const utf8 = (text: string): Buffer => tagged(TAG.utf8String, Buffer.from(text, 'utf8'));
/** A positive number given by its bytes, most significant first; the first bit is the sign and must not be set. */
export const positive = (digits: Uint8Array): Buffer => tagged(TAG.integer, digits);

/** `2.5.4.3` and the like. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tagged(TAG.objectIdentifier, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(0x80 | (left % 128));
  return digits;
}

/** A second in UTC; years from 2050 on are written with four digits, as RFC 5280 §4.1.2.5 asks. */
export function time(epochMs: number): Buffer {
  const text = `${new Date(epochMs).toISOString().slice(0, 19).replace(/[-T:]/g, '')}Z`;
  return text < '2050' ? tagged(TAG.utcTime, Buffer.from(text.slice(2))) : tagged(TAG.generalizedTime, Buffer.from(text));
}
