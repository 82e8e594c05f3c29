import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { bytes, type Clock, durationMs } from '@modelmesh/core';
import { createFrameEngine, DEFAULT_STREAM_LIMITS, headerBlock, type StreamHandler } from '@modelmesh/grpc/stream';
import { selfSignedCertificate } from '../../../certificates/index.ts';
import type { TlsConfig } from '../../../config/index.ts';
import { createLog } from '../../../log/index.ts';
import { systemClock } from '../../../node/index.ts';
import { type ListenOptions, listen, type RunningListener } from '../index.ts';

/** A listener whose HTTP/2 streams and HTTP/1.1 requests answer with what is known of their connection. */
export interface Rig {
  readonly listener: RunningListener;
  readonly port: number;
  /** Requests to `/hold` wait here until they are let go. */
  readonly held: (() => void)[];
  /** Resolves when `count` requests are held. */
  holding(count: number): Promise<void>;
  /** Resolves when a line with this event is in the log. */
  logged(event: string): Promise<Readonly<Record<string, unknown>>>;
}

/** What a test may want otherwise. */
export type RigOptions = Partial<Omit<ListenOptions, 'config' | 'limits'>> & {
  readonly config?: Partial<ListenOptions['config']>;
  readonly limits?: Partial<ListenOptions['limits']>;
};

const SILENT: StreamHandler = {
  onHeaders: () => {},
  onData: (stream, bytes) => stream.consume(bytes.length),
  onTrailers: () => {},
  onReset: () => {},
  onWritable: () => {},
  onClosed: () => {},
};

/** Starts a listener on a free port of the loopback; the test's end closes it. */
export async function startRig(context: TestContext, options: RigOptions = {}): Promise<Rig> {
  const held: (() => void)[] = [];
  const waiters: (() => void)[] = [];
  const lines: Readonly<Record<string, unknown>>[] = [];
  const changed = (): void => {
    for (const wake of waiters.splice(0)) wake();
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((resolve) => waiters.push(resolve));
  };
  const hold = (path: string | undefined, answer: () => void): void => {
    if (path === '/hold') {
      held.push(answer);
      changed();
    } else answer();
  };
  const sink = {
    write: (line: string): void => {
      lines.push(JSON.parse(line));
      changed();
    },
  };
  const clock: Clock = options.clock ?? systemClock;
  const listener = await listen({
    tls: null,
    streamLimits: DEFAULT_STREAM_LIMITS,
    engine: createFrameEngine({ clock: systemClock }),
    log: createLog({ level: 'trace', instance: 'i', service: 's', sink }),
    handlers: {
      accept: (stream, headers, _end, connection) => {
        hold(headers.get(':path'), () => {
          stream.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/json']), false);
          stream.sendData(Buffer.from(JSON.stringify({ version: '2', ...connection.info })), true);
        });
        return SILENT;
      },
      onRequest: (request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean) => {
        hold(request.url, () => response.end(JSON.stringify({ version: request.httpVersion, awaitsContinue })));
      },
    },
    ...options,
    clock,
    config: { roles: new Set(['inference']), host: '127.0.0.1', port: 0, tls: false, ...options.config },
    limits: {
      connectionsMax: 100,
      headerListBytesMax: bytes(16_384),
      connectionAgeMaxMs: null,
      connectionAgeGraceMs: null,
      ...options.limits,
    },
  });
  context.after(() => listener.close(durationMs(0)));
  return {
    listener,
    port: listener.address.port,
    held,
    holding: (count) => until(() => held.length >= count),
    logged: async (event) => {
      await until(() => lines.some((line) => line.event === event));
      return lines.find((line) => line.event === event) ?? {};
    },
  };
}

/** Says something on a plain socket, and what comes back until the other side ends. */
export function converse(port: number, said: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(said));
    let heard = '';
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      heard += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

/** One request over HTTP/2. */
export function getHttp2(session: ClientHttp2Session, path: string): Promise<{ headers: IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path });
    let [headers, body]: [IncomingHttpHeaders, string] = [{}, ''];
    stream.setEncoding('utf8');
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('data', (text: string) => {
      body += text;
    });
    stream.on('error', reject);
    stream.on('end', () => resolve({ headers, body }));
  });
}

/** A session of HTTP/2 that the test's end destroys. */
export function http2To(context: TestContext, url: string, options: Parameters<typeof connectHttp2>[1] = {}): ClientHttp2Session {
  const session = connectHttp2(url, options);
  session.on('error', () => {});
  context.after(() => session.destroy());
  return session;
}

/** A folder with a certificate for `localhost` and its key, and what a listener says of them. */
export function tlsFolder(context: TestContext, more: Partial<TlsConfig> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-tls-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const paths = { certPath: join(folder, 'tls.crt'), keyPath: join(folder, 'tls.key') };
  const write = (name: string) => {
    const made = selfSignedCertificate([name, 'localhost', '127.0.0.1'], systemClock.wallMs());
    writeFileSync(paths.certPath, made.cert);
    writeFileSync(paths.keyPath, made.key);
    return made;
  };
  const config: TlsConfig = { ...paths, keyPassphrase: null, clientAuth: 'none', trustPaths: [], ...more };
  return { folder, config, write, first: write('first.example') };
}
