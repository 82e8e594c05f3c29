/** How values of settings are written: the same syntax in YAML, in variables and on the command line. */
import { type Bytes, bytes, type DurationMs, durationMs } from '@modelmesh/core';
import { parseDuration, parseQuantity } from '@modelmesh/core/manifest';
import type { ConnectTarget } from '@modelmesh/grpc/stream';
import type { EtcdAddress } from './config.ts';

/** A way of writing values. */
export interface ValueKind<Value> {
  /** What is expected, to be read after "expected". */
  readonly expected: string;
  /** `undefined` if `raw` is none. `raw` is a string from a variable or flag, anything from YAML. */
  parse(raw: unknown): Value | undefined;
}

/** Longest text of a setting. */
const TEXT_CHARS_MAX = 4096;
/** Items of one list. */
const ITEMS_MAX = 1000;

const textOf = (raw: unknown): string | undefined => {
  if (typeof raw === 'number' || typeof raw === 'boolean') return String(raw);
  return typeof raw === 'string' && raw.length <= TEXT_CHARS_MAX ? raw.trim() : undefined;
};

const wholeNumber = (raw: unknown): number | undefined => {
  const text = textOf(raw);
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
};

/** Text that is not empty and matches `pattern`. */
export const text = (expected = 'text', pattern = /^\P{Cc}+$/u): ValueKind<string> => ({
  expected,
  parse: (raw) => {
    const value = textOf(raw);
    return value !== undefined && pattern.test(value) ? value : undefined;
  },
});

/** A path of a file, folder or socket. */
export const path: ValueKind<string> = text('a path');

/** A whole number. */
export const integer = (min: number, max: number): ValueKind<number> => ({
  expected: `a whole number from ${min} to ${max}`,
  parse: (raw) => {
    const value = wholeNumber(raw);
    return value !== undefined && value >= min && value <= max ? value : undefined;
  },
});

/** A port; 0 takes any free one. */
export const port: ValueKind<number> = { ...integer(0, 65_535), expected: 'a port from 0 to 65535' };

/** Bytes as a number or with a unit. */
export const quantity = (min: number, max: number): ValueKind<Bytes> => ({
  expected: `a number of bytes such as 512Ki, 16Mi or 1Gi, from ${min} to ${max}`,
  parse: (raw) => {
    const value = parseQuantity(textOf(raw) ?? '');
    return value !== undefined && value >= min && value <= max ? value : undefined;
  },
});

/** A length of time with its unit. */
export const duration = (minMs: number, maxMs: number): ValueKind<DurationMs> => ({
  expected: `a duration such as 500ms, 30s or 15m, from ${minMs}ms to ${maxMs}ms`,
  parse: (raw) => {
    const value = parseDuration(textOf(raw) ?? '');
    return value !== undefined && value >= minMs && value <= maxMs ? value : undefined;
  },
});

/** A length of time as ModelMesh writes it: a whole number of `unitMs`. */
export const timesOf = (unitMs: 1 | 1000, min: number, max: number): ValueKind<DurationMs> => ({
  expected: `a whole number of ${unitMs === 1 ? 'milliseconds' : 'seconds'} from ${min} to ${max}`,
  parse: (raw) => {
    const value = integer(min, max).parse(raw);
    return value === undefined ? undefined : durationMs(value * unitMs);
  },
});

/** A number of bytes as ModelMesh writes it. */
export const plainBytes = (min: number, max: number): ValueKind<Bytes> => ({
  expected: `a whole number of bytes from ${min} to ${max}`,
  parse: (raw) => {
    const value = integer(min, max).parse(raw);
    return value === undefined ? undefined : bytes(value);
  },
});

/** True or false. */
export const yesNo: ValueKind<boolean> = {
  expected: 'true or false',
  parse: (raw) => {
    const value = textOf(raw)?.toLowerCase();
    return value === 'true' ? true : value === 'false' ? false : undefined;
  },
};

/** One of some words; upper and lower case are the same. */
export const oneOf = <const Words extends readonly string[]>(...words: Words): ValueKind<Words[number]> => ({
  expected: words.length === 1 ? `${words[0]}` : `one of ${words.join(', ')}`,
  parse: (raw) => {
    const value = textOf(raw)?.toLowerCase();
    return words.find((word) => word === value);
  },
});

/** `word` for `null`, or what `kind` takes. In YAML `null` says the same. */
export const orWord = <Value>(kind: ValueKind<Value>, word: string): ValueKind<Value | null> => ({
  expected: `${kind.expected}, or ${word}`,
  parse: (raw) => (raw === null || textOf(raw)?.toLowerCase() === word ? null : kind.parse(raw)),
});

/** Either of two ways. */
export const either = <One, Other>(one: ValueKind<One>, other: ValueKind<Other>): ValueKind<One | Other> => ({
  expected: `${one.expected}, or ${other.expected}`,
  parse: (raw) => one.parse(raw) ?? other.parse(raw),
});

/** A list in YAML, or items separated by commas. */
export const listOf = <Item>(kind: ValueKind<Item>): ValueKind<readonly Item[]> => ({
  expected: `a list of at most ${ITEMS_MAX}, or separated by commas, each ${kind.expected}`,
  parse: (raw) => {
    const items = Array.isArray(raw)
      ? raw
      : textOf(raw)
          ?.split(',')
          .filter((item) => item.trim() !== '');
    if (items === undefined || items.length > ITEMS_MAX) return undefined;
    const parsed = items.map((item) => kind.parse(item));
    return parsed.every((item) => item !== undefined) ? (parsed as Item[]) : undefined;
  },
});

/** An address: `unix:/path`, `host:port`, or a port of this machine. */
export const target: ValueKind<ConnectTarget> = {
  expected: 'an address such as unix:/tmp/runtime.sock, localhost:8085 or 8085',
  parse: (raw) => {
    const value = textOf(raw) ?? '';
    if (/^unix:.+/.test(value)) return { kind: 'unix', path: value.slice('unix:'.length) };
    const parts = /^(?:(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):)?([0-9]{1,5})$/.exec(value);
    const number = Number(parts?.[2] ?? 0);
    if (parts === null || number === 0 || number > 65_535) return undefined;
    return { kind: 'tcp', host: (parts[1] ?? 'localhost').replace(/^\[|\]$/g, ''), port: number };
  },
};

/** A member of etcd: `host:port`, or a URL; the port is etcd's own unless it is said. */
export const etcdAddress: ValueKind<EtcdAddress> = {
  expected: 'a member of etcd such as etcd.example:2379 or https://etcd.example:2379',
  parse: (raw) => {
    const parts = /^(?:(https?):\/\/)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?\/?$/.exec(textOf(raw) ?? '');
    const number = Number(parts?.[3] ?? 2379);
    if (parts === null || number === 0 || number > 65_535) return undefined;
    const host = (parts[2] ?? '').replace(/^\[|\]$/g, '');
    return { scheme: parts[1] === 'https' ? 'https' : 'http', host, port: number };
  },
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A map of texts, or the same as JSON. */
export const textMap = (what: string, keepCase: boolean): ValueKind<ReadonlyMap<string, string>> => ({
  expected: what,
  parse: (raw) => {
    const value = typeof raw === 'string' ? jsonOf(raw) : raw;
    if (!isObject(value)) return undefined;
    const entries = Object.entries(value);
    if (entries.length > ITEMS_MAX || entries.some(([key, item]) => key === '' || typeof item !== 'string' || item === ''))
      return undefined;
    return new Map(entries.map(([key, item]) => [keepCase ? key : key.toLowerCase(), String(item)]));
  },
});

/** A JSON document as text; in YAML also an object. What it says is for others to check. */
export const jsonText: ValueKind<string> = {
  expected: 'a JSON document',
  parse: (raw) => (typeof raw === 'string' ? raw : isObject(raw) ? JSON.stringify(raw) : undefined),
};

/** A JSON document that is a list, as text; in YAML also a list. */
export const jsonList: ValueKind<string> = {
  expected: 'a list as JSON',
  parse: (raw) => (typeof raw === 'string' ? raw : Array.isArray(raw) ? JSON.stringify(raw) : undefined),
};

function jsonOf(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return undefined;
  }
}
