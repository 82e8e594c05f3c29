/**
 * SHA-1 of a text, for names only: ModelMesh's controller names an InferenceService's model by it, and a name must be found again. It
 * protects nothing.
 */

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

/** The message, a one bit, zeros, and the length in bits as 64 bits: whole blocks of 64 bytes (RFC 3174 §4). */
function padded(message: Uint8Array): DataView {
  const blocks = Math.ceil((message.length + 9) / 64);
  const bytes = new Uint8Array(blocks * 64);
  bytes.set(message);
  bytes[message.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setBigUint64(bytes.length - 8, BigInt(message.length) * 8n);
  return view;
}

/** The round's function and constant (RFC 3174 §5). */
function mix(round: number, b: number, c: number, d: number): number {
  if (round < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (round < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (round < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

/** The SHA-1 digest of the UTF-8 form of `text`, as 40 lower-case hex digits (RFC 3174). */
export function sha1Hex(text: string): string {
  const message = padded(new TextEncoder().encode(text));
  const digest = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  const words = new Int32Array(80);
  const word = (at: number): number => words[at] ?? 0;
  for (let block = 0; block < message.byteLength; block += 64) {
    for (let at = 0; at < 16; at++) words[at] = message.getInt32(block + 4 * at);
    for (let at = 16; at < 80; at++) words[at] = rotate(word(at - 3) ^ word(at - 8) ^ word(at - 14) ^ word(at - 16), 1);
    let [a = 0, b = 0, c = 0, d = 0, e = 0] = digest;
    for (let round = 0; round < 80; round++) {
      const next = (rotate(a, 5) + mix(round, b, c, d) + e + word(round)) | 0;
      [a, b, c, d, e] = [next, a, rotate(b, 30), c, d];
    }
    [a, b, c, d, e].forEach((part, at) => {
      digest[at] = (digest[at] ?? 0) + part;
    });
  }
  return [...digest].map((part) => (part >>> 0).toString(16).padStart(8, '0')).join('');
}
