import pino from 'pino';

/** How much is logged: everything of this level and above. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** What a line may carry beside its sentence. The ids have fixed names, so that lines can be joined. */
export interface LogFields {
  readonly model?: string | null;
  readonly endpoint?: string | null;
  readonly requestId?: string | null;
  /** What was caught: its message, kind, stack and causes are logged. */
  readonly error?: unknown;
  readonly [field: string]: unknown;
}

/**
 * One structured line per event. `event` is a stable name in kebab case that one may search for; `message` is a sentence for people.
 * Fields named as secrets are never written, see {@link SECRET_FIELDS}.
 */
export interface Log {
  debug(event: string, message: string, fields?: LogFields): void;
  info(event: string, message: string, fields?: LogFields): void;
  warn(event: string, message: string, fields?: LogFields): void;
  error(event: string, message: string, fields?: LogFields): void;
  /** Whether a line of this level would be written; spares the making of costly fields. */
  enabled(level: LogLevel): boolean;
  /** A log whose lines all carry `fields`. Its level follows this one's. */
  with(fields: LogFields): Log;
}

/** The log of a node, whose level can be changed while it runs. */
export interface NodeLog extends Log {
  setLevel(level: LogLevel): void;
}

/** Where lines go: one call a line, with its end of line. */
export interface LogSink {
  write(line: string): void;
}

/** Fields that hold secrets, in whatever depth and case. What stands in them is replaced. */
export const SECRET_FIELDS = [
  'encKey',
  'encryptionKey',
  'passphrase',
  'keyPassphrase',
  'password',
  'secret',
  'token',
  'authorization',
  'cookie',
] as const;

const REDACTED = '[secret]';
const SECRETS: ReadonlySet<string> = new Set(SECRET_FIELDS.map((field) => field.toLowerCase()));
/** Objects below objects that are written; deeper ones are left out. */
const DEPTH_MAX = 6;
/** Items of one list, or fields of one object below the top, that are written. */
const ITEMS_MAX = 100;

type Level = 'debug' | 'info' | 'warn' | 'error';

/** A log that shares the level of the node's. */
class PinoLog implements NodeLog {
  readonly #root: pino.Logger;
  readonly #own: pino.Logger;

  constructor(root: pino.Logger, own: pino.Logger) {
    this.#root = root;
    this.#own = own;
  }

  debug(event: string, message: string, fields?: LogFields): void {
    this.#write('debug', event, message, fields);
  }

  info(event: string, message: string, fields?: LogFields): void {
    this.#write('info', event, message, fields);
  }

  warn(event: string, message: string, fields?: LogFields): void {
    this.#write('warn', event, message, fields);
  }

  error(event: string, message: string, fields?: LogFields): void {
    this.#write('error', event, message, fields);
  }

  enabled(level: LogLevel): boolean {
    return this.#root.isLevelEnabled(level);
  }

  with(fields: LogFields): Log {
    return new PinoLog(this.#root, this.#own.child(present(fields)));
  }

  setLevel(level: LogLevel): void {
    this.#root.level = level;
  }

  #write(level: Level, event: string, message: string, fields: LogFields | undefined): void {
    if (!this.#root.isLevelEnabled(level)) return;
    this.#own[level]({ event, ...(fields === undefined ? {} : present(fields)) }, message);
  }
}

/** Absent ids are left out of the line, and errors are made of what can be read. */
function present(fields: LogFields): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined) continue;
    shown[name] = name === 'error' ? errorFields(value) : shownValue(name, value, 0);
  }
  return shown;
}

/** Done here and not by pino, whose search for wildcards costs each line twenty times as much. */
function shownValue(name: string, value: unknown, depth: number): unknown {
  if (SECRETS.has(name.toLowerCase())) return REDACTED;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return errorFields(value);
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (depth >= DEPTH_MAX) return '[deep]';
  if (value instanceof Map) return shownValue('', Object.fromEntries(value), depth);
  if (Array.isArray(value) || value instanceof Set) {
    return [...value].slice(0, ITEMS_MAX).map((item) => shownValue('', item, depth + 1));
  }
  const fields = Object.entries(value).slice(0, ITEMS_MAX);
  return Object.fromEntries(fields.map(([field, below]) => [field, shownValue(field, below, depth + 1)]));
}

/** Causes of causes that are followed. */
const CAUSES_MAX = 4;

function errorFields(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return String(thrown);
  const kind = 'kind' in thrown ? { kind: thrown.kind } : {};
  const code = 'code' in thrown ? { code: thrown.code } : {};
  const cause = thrown.cause === undefined || depth >= CAUSES_MAX ? {} : { cause: errorFields(thrown.cause, depth + 1) };
  return { name: thrown.name, message: thrown.message, ...kind, ...code, stack: thrown.stack, ...cause };
}

/**
 * The log of a node.
 *
 * @param options.instance stands in every line
 */
export function createLog(options: {
  readonly level: LogLevel;
  readonly instance: string;
  readonly service: string;
  readonly sink: LogSink;
}): NodeLog {
  const root = pino(
    {
      level: options.level,
      base: { instance: options.instance, service: options.service },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.sink,
  );
  // Children of pino keep the level that they were born with: they let everything pass, and the root's level decides alone.
  return new PinoLog(root, root.child({}, { level: 'trace' }));
}

/** A log that writes nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  enabled: () => false,
  with: () => silentLog,
};
