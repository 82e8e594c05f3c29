import { MeshError } from '@modelmesh/core';
import { GRPC_CODE, type GrpcCode, type GrpcCodeName } from '@modelmesh/wire/status';

/** How a model of the null server behaves, as its path says. */
export interface NullModelOptions {
  /** Fails the load with this status. */
  readonly fail: { readonly code: GrpcCode; readonly message: string } | undefined;
  /** How long the load takes. */
  readonly slowMs: number;
  /** How long each answer takes, from the end of its request. */
  readonly answerMs: number;
  readonly sizeBytes: number;
  /** Follows each message of an answer: further fields of a protobuf message, by which an answer tells which model gave it. */
  readonly suffix: Uint8Array;
}

/** Size of a model whose path says nothing. */
export const NULL_MODEL_BYTES = 1024 * 1024;

const SLOW_MS_DEFAULT = 1000;
/** Bytes that may follow an answer. */
const SUFFIX_BYTES_MAX = 1024;

/**
 * Reads a path such as `slow 500; size 2097152`, `answer 50`, `append 1a0178` (hexadecimal) or `fail INVALID_ARGUMENT corrupt model`; any other words mean nothing.
 *
 * @throws {MeshError} `invalid-argument` for a number or code that is none.
 */
export function parseNullPath(path: string): NullModelOptions {
  let options: NullModelOptions = {
    fail: undefined,
    slowMs: 0,
    answerMs: 0,
    sizeBytes: NULL_MODEL_BYTES,
    suffix: new Uint8Array(),
  };
  for (const part of path.split(';')) {
    const [, word, rest = ''] = /^\s*(\S*)\s*(.*?)\s*$/s.exec(part) ?? [];
    if (word === 'fail') options = { ...options, fail: parseStatus(rest) };
    else if (word === 'slow') options = { ...options, slowMs: rest === '' ? SLOW_MS_DEFAULT : natural(rest, 'slow') };
    else if (word === 'answer') options = { ...options, answerMs: natural(rest, 'answer') };
    else if (word === 'size') options = { ...options, sizeBytes: natural(rest, 'size') };
    else if (word === 'append') options = { ...options, suffix: hexadecimal(rest) };
  }
  return options;
}

/** Reads `CODE message`, where CODE is a gRPC code's name. @throws {MeshError} `invalid-argument` if it is none. */
export function parseStatus(text: string): { code: GrpcCode; message: string } {
  const [, name = '', message = ''] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
  if (!Object.hasOwn(GRPC_CODE, name)) throw new MeshError('invalid-argument', `"${name}" is not the name of a gRPC code`);
  return { code: GRPC_CODE[name as GrpcCodeName], message };
}

function natural(text: string, what: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw new MeshError('invalid-argument', `"${what}" in a model path needs a whole number, got "${text}"`);
  return Number(text);
}

function hexadecimal(text: string): Uint8Array {
  if (/^(?:[0-9a-f]{2})*$/i.test(text) && text.length <= 2 * SUFFIX_BYTES_MAX) return Buffer.from(text, 'hex');
  throw new MeshError(
    'invalid-argument',
    `"append" in a model path needs up to ${SUFFIX_BYTES_MAX} bytes in hexadecimal, got "${text}"`,
  );
}
