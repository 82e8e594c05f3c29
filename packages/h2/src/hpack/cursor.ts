/** The largest integer that a block may hold: far more than any length or index that fits its limits. */
const INTEGER_MAX = 2 ** 31 - 1;
/** Octets behind the prefix that an integer may take (RFC 7541 §5.1 leaves the limit to us). */
const CONTINUATION_OCTETS_MAX = 5;

const NOTHING = new Uint8Array(0);

/** Where a decoder stands in a header block, and what was wrong with it first. */
export class Cursor {
  bytes: Uint8Array = NOTHING;
  at = 0;
  end = 0;
  /** What makes the block undecodable, in words. */
  fault: string | undefined = undefined;

  open(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Lets go of the bytes: they belong to a buffer that was read into. */
  close(): void {
    this.bytes = NOTHING;
  }

  /** Notes the fault. @returns -1, which no integer and no position is */
  fail(fault: string): number {
    this.fault ??= fault;
    return -1;
  }

  /** Reads an integer whose prefix is in the next octet (RFC 7541 §5.1). @returns -1 with a fault where there is none */
  integer(prefixMax: number): number {
    if (this.at >= this.end) return this.fail('the block ends where an integer is expected');
    const value = (this.bytes[this.at] as number) & prefixMax;
    this.at += 1;
    return value < prefixMax ? value : this.#continued(value);
  }

  #continued(prefix: number): number {
    let value = prefix;
    for (let octet = 0, scale = 1; octet < CONTINUATION_OCTETS_MAX; octet += 1, scale *= 128) {
      if (this.at >= this.end) return this.fail('the block ends within an integer');
      const byte = this.bytes[this.at] as number;
      this.at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= INTEGER_MAX ? value : this.fail('an integer is above 2^31 - 1');
    }
    return this.fail(`an integer takes more than ${CONTINUATION_OCTETS_MAX} octets`);
  }
}
