import type { MeshErrorKind } from '@modelmesh/core';

/** A model that a worker loads. */
export interface SessionModel {
  /** What its answers are called where a request does not name it. */
  readonly modelId: string;
  readonly path: string;
  /** Tensors whose shape the file does not say. */
  readonly unshaped: ReadonlySet<string>;
}

/** What a worker is told. Runs travel as one transferred buffer per batch, everything else is rare. */
export type ToWorker =
  | { readonly kind: 'runs'; readonly batch: ArrayBuffer }
  | { readonly kind: 'load'; readonly session: number; readonly model: SessionModel }
  | { readonly kind: 'unload'; readonly session: number }
  | { readonly kind: 'rest' }
  | { readonly kind: 'end' };

/** One tensor of a loaded model in a form that can be cloned. */
export interface WireTensorSpec {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[] | null;
}

/** What a worker answers. */
export type FromWorker =
  /** The thread is up, with the private bytes of the process then. */
  | { readonly kind: 'ready'; readonly privateBytes: number }
  | { readonly kind: 'answers'; readonly batch: ArrayBuffer }
  | {
      readonly kind: 'loaded';
      readonly session: number;
      readonly inputs: readonly WireTensorSpec[];
      readonly outputs: readonly WireTensorSpec[];
      /** Private bytes of the process around the load, without the script memory of the worker. */
      readonly beforeBytes: number;
      readonly afterBytes: number;
    }
  | {
      readonly kind: 'load-failed';
      readonly session: number;
      readonly error: MeshErrorKind;
      readonly message: string;
      readonly beforeBytes: number;
      readonly afterBytes: number;
    }
  | { readonly kind: 'unloaded'; readonly session: number; readonly beforeBytes: number; readonly afterBytes: number }
  /** What the first run of a session kept, and how far memory went up while it ran. */
  | { readonly kind: 'first-run'; readonly session: number; readonly keptBytes: number; readonly peakBytes: number };

/** Outcome of one run in a batch of answers: 0 with a response, else 1 + the index of its error kind. */
export const RUN_ERROR_KINDS = [
  'invalid-argument',
  'model-not-found',
  'no-capacity',
  'internal',
] as const satisfies readonly MeshErrorKind[];

/** Error kinds that a run can end in. */
export type RunErrorKind = (typeof RUN_ERROR_KINDS)[number];

const ENTRY_WORDS = 4;
const ALIGNMENT = 8;

/** One entry of a batch: for runs `code` is the session, for answers the outcome. */
export interface BatchEntry {
  readonly runId: number;
  readonly code: number;
  readonly byteCount: number;
  /** Writes `byteCount` bytes at `offset`. */
  readonly write: (target: Buffer, offset: number) => void;
}

/**
 * Lays entries out in one buffer: a count, a table of (run, code, offset, length), then the contents. The *end* of each content is aligned to
 * 8 bytes: raw tensors stand last in a message, so the last one can be used in place by whoever receives it.
 */
export function writeBatch(entries: readonly BatchEntry[]): ArrayBuffer {
  const tableBytes = 4 + entries.length * ENTRY_WORDS * 4;
  let total = tableBytes;
  for (const entry of entries) total = alignUp(total + entry.byteCount);
  const buffer = new ArrayBuffer(total);
  const target = Buffer.from(buffer);
  const table = new Uint32Array(buffer, 0, 1 + entries.length * ENTRY_WORDS);
  table[0] = entries.length;
  let end = tableBytes;
  let word = 1;
  for (const entry of entries) {
    end = alignUp(end + entry.byteCount);
    const offset = end - entry.byteCount;
    table[word++] = entry.runId;
    table[word++] = entry.code;
    table[word++] = offset;
    table[word++] = entry.byteCount;
    entry.write(target, offset);
  }
  return buffer;
}

/** Reads a batch entry by entry, without copying. */
export function readBatch(batch: ArrayBuffer, each: (runId: number, code: number, start: number, end: number) => void): void {
  const count = new Uint32Array(batch, 0, 1)[0] ?? 0;
  const table = new Uint32Array(batch, 4, count * ENTRY_WORDS);
  for (let word = 0; word < table.length; word += ENTRY_WORDS) {
    const offset = table[word + 2] as number;
    each(table[word] as number, table[word + 1] as number, offset, offset + (table[word + 3] as number));
  }
}

function alignUp(value: number): number {
  return Math.ceil(value / ALIGNMENT) * ALIGNMENT;
}
