import { readFileSync } from 'node:fs';

/** One call of a recording, with the answer that ModelMesh gave. */
export interface RecordedCall {
  readonly step: number;
  /** `package.Service/Method`. */
  readonly rpc: string;
  /** Of management calls: the request as JSON. */
  readonly request?: Readonly<Record<string, unknown>>;
  /** Of inference calls. */
  readonly requestBase64?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly note?: string;
  readonly response?: Readonly<Record<string, unknown>>;
  readonly responseBase64?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Reads a recording of this folder. */
export function readRecording(name: string): readonly RecordedCall[] {
  return JSON.parse(readFileSync(new URL(`./recordings/${name}.json`, import.meta.url), 'utf8')) as RecordedCall[];
}

/** The bytes of a recorded request; sizes in words, such as `(17 MiB)`, are that many zeros. */
export function requestBytes({ requestBase64 = '' }: RecordedCall): Uint8Array {
  const mebibytes = /^\((\d+) MiB\)$/.exec(requestBase64)?.[1];
  return mebibytes === undefined ? Buffer.from(requestBase64, 'base64') : new Uint8Array(Number(mebibytes) * 1024 * 1024);
}

/** Metadata as a flat list; `-bin` values are recorded as `… (base64)`. */
export function metadataList({ metadata = {} }: RecordedCall): string[] {
  return Object.entries(metadata).flatMap(([name, value]) => [name, value.replace(/ \(base64\)$/, '')]);
}

/** What a call was answered with. */
export type Answer =
  | { readonly kind: 'message'; readonly value: unknown }
  | { readonly kind: 'bytes'; readonly base64: string }
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

/** A difference to the recording that is wanted: the error, or the very answer, that comes instead. */
export type Exception =
  | { readonly because: string; readonly code: string; readonly message: RegExp }
  | { readonly because: string; readonly answer: Answer };

/** Without what the recordings leave out, and with states that ModelMesh could not tell apart written as it did. */
export function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, inner]) => {
    if (name === 'time') return [];
    if (name === 'copyStatus' && (inner === 'LOADED' || inner === 'LOADING')) return [[name, 'UNKNOWN'] as const];
    // Load errors do not carry the name of a Java class.
    if (name === 'errors')
      return [[name, (inner as string[]).map((text) => text.replace(/^io\.grpc\.StatusRuntimeException: /, ''))] as const];
    return [[name, comparable(inner)] as const];
  });
  return Object.fromEntries(entries);
}
