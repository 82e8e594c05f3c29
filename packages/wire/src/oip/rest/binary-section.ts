import { MeshError } from '@modelmesh/core';

/** Header that says how many bytes of a body are JSON, before the binary tensors; spec `kserve.md` §4.5. Compared without case. */
export const HEADER_LENGTH_HEADER = 'Inference-Header-Content-Length';

/** Content type of a body without binary tensors. */
export const JSON_CONTENT_TYPE = 'application/json';
/** Content type of a body with binary tensors. */
export const BINARY_CONTENT_TYPE = 'application/octet-stream';

/**
 * Bytes of JSON at the beginning of a body: what the header says, or all without it.
 *
 * @throws {MeshError} `invalid-argument` if the header is no positive integer or more than the (uncompressed) body.
 */
export function jsonLength(header: string | undefined, bodyBytes: number): number {
  if (header === undefined) return bodyBytes;
  const refuse = (problem: string): never => {
    throw new MeshError('invalid-argument', `${HEADER_LENGTH_HEADER} ${JSON.stringify(header.slice(0, 40))} ${problem}`);
  };
  if (!/^\s*\d+\s*$/.test(header)) return refuse('is not a number of bytes');
  const length = Number(header);
  if (length === 0) return refuse('leaves no JSON; the tensors must be described');
  if (length > bodyBytes) return refuse(`is more than the body of ${bodyBytes} bytes`);
  return length;
}

/** Hands out the binary tensors of a body one after the other, in the order of the inputs that have them. */
export class BinarySection {
  readonly #body: Uint8Array;
  readonly #declared: boolean;
  #at: number;

  /** @param declared whether the request said where its JSON ends. */
  constructor(body: Uint8Array, start: number, declared: boolean) {
    this.#body = body;
    this.#at = start;
    this.#declared = declared;
  }

  /** The next `byteCount` bytes, as a slice. @throws {MeshError} `invalid-argument` if there are not as many. */
  take(byteCount: number, label: string): Uint8Array {
    const left = this.#body.length - this.#at;
    if (!this.#declared) {
      throw new MeshError(
        'invalid-argument',
        `${label} has binary_data_size, but the request has no ${HEADER_LENGTH_HEADER} header`,
      );
    }
    if (byteCount > left) {
      throw new MeshError(
        'invalid-argument',
        `${label} has a binary_data_size of ${byteCount}, but only ${left} bytes are left in the body`,
      );
    }
    this.#at += byteCount;
    return this.#body.subarray(this.#at - byteCount, this.#at);
  }

  /** @throws {MeshError} `invalid-argument` if bytes remain that belong to no tensor. */
  finish(): void {
    const left = this.#body.length - this.#at;
    if (left > 0) throw new MeshError('invalid-argument', `${left} bytes follow the last binary tensor of the body`);
  }
}
