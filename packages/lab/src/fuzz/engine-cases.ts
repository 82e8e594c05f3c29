import { connect, createServer, type Server, type Socket } from 'node:net';
import type { SeededRandom } from '@modelmesh/core';
import {
  type ByteStream,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  type HeaderBlock,
  headerBlock,
  type ServerConnection,
  type StreamEngine,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { join, listening } from '../conversations/index.ts';
import { realClock } from '../node-process/index.ts';
import type { Corpus, Sample } from './corpus.ts';
import { mutate, reads } from './mutate.ts';

/** A case that takes longer hangs. */
const CASE_MS_MAX = 20_000;
const INFO = { remoteAddress: 'fuzz', encrypted: false, clientCertificate: undefined };

/** Echoes what comes; counts its end. */
class Echo implements StreamHandler {
  ends = 0;
  #isAnswered = false;

  begin(stream: ByteStream, end: boolean): void {
    if (end) this.#answer(stream, true);
  }
  onHeaders(): void {}
  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    this.#answer(stream, false);
    // Copied before it is given back: the engine overwrites what was consumed.
    const copy = new Uint8Array(bytes);
    stream.consume(bytes.length);
    stream.sendData(copy, end);
  }
  onTrailers(stream: ByteStream): void {
    this.#answer(stream, false);
    stream.sendTrailers(headerBlock(['grpc-status', '0']));
  }
  onReset(): void {
    this.ends += 1;
  }
  onWritable(): void {}
  onClosed(): void {
    this.ends += 1;
  }
  #answer(stream: ByteStream, end: boolean): void {
    if (!this.#isAnswered) stream.sendHeaders(headerBlock([':status', '200']), end);
    this.#isAnswered = true;
  }
}

/** Hears the answer to one call of ours. */
class Asked implements StreamHandler {
  readonly over = Promise.withResolvers<string>();
  readonly heard: Uint8Array[] = [];
  #ends = 0;

  onHeaders(_stream: ByteStream, _headers: HeaderBlock, _end: boolean): void {}
  onData(stream: ByteStream, bytes: Uint8Array): void {
    this.heard.push(bytes.slice());
    stream.consume(bytes.length);
  }
  onTrailers(): void {}
  onReset(_stream: ByteStream, cause: { readonly kind: string }): void {
    this.#end(cause.kind);
  }
  onWritable(): void {}
  onClosed(): void {
    this.#end('closed');
  }
  #end(how: string): void {
    this.#ends += 1;
    if (this.#ends > 1) this.over.reject(new Error('a stream has ended twice'));
    else this.over.resolve(how);
  }
}

/** Cases with sockets: one engine for all of them, so that what one leaves behind shows in the next. */
export class EngineCases implements AsyncDisposable {
  readonly #engine: StreamEngine;
  readonly #server: Server;
  readonly #port: number;
  readonly #echoes: Echo[] = [];
  readonly #connections = new Set<ServerConnection>();
  readonly #waiting: (() => void)[] = [];

  private constructor(engine: StreamEngine, server: Server, port: number) {
    this.#engine = engine;
    this.#server = server;
    this.#port = port;
  }

  static async start(): Promise<EngineCases> {
    const engine = createFrameEngine({ clock: realClock, poison: true });
    const server = createServer((socket) => cases.#serve(socket));
    const port = await listening(server);
    const cases: EngineCases = new EngineCases(engine, server, port);
    return cases;
  }

  /** Plays one case on either side, and a call that is right beside it. @throws what broke; @returns octets that were said */
  async play(random: SeededRandom, corpus: Corpus): Promise<number> {
    const sample = corpus.samples[random.below(corpus.samples.length)];
    if (sample === undefined) throw new Error('the corpus is empty');
    const playing = random.below(2) === 0 ? this.#toServer(random, sample, corpus) : this.#toClient(random, sample, corpus);
    const [byteCount] = await within(Promise.all([playing, this.#rightCall()]));
    return byteCount;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #serve(socket: Socket): void {
    const connection = this.#engine.serve(socket, INFO, DEFAULT_STREAM_LIMITS, (stream, _headers, end) => {
      const echo = new Echo();
      this.#echoes.push(echo);
      echo.begin(stream, end);
      return echo;
    });
    this.#connections.add(connection);
    connection.onClose = () => {
      this.#connections.delete(connection);
      for (const wake of this.#waiting.splice(0)) wake();
    };
  }

  /** A client that says what it likes; once it is gone no stream of it is left. */
  async #toServer(random: SeededRandom, sample: Sample, { frames }: Corpus): Promise<number> {
    const octets = join(mutate(random, sample.client, frames));
    const socket = connect({ host: '127.0.0.1', port: this.#port });
    await say(socket, random, octets);
    while (this.#connections.size > 1) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return octets.length;
  }

  /** A server that says what it likes to a client of ours; every call of that one ends. */
  async #toClient(random: SeededRandom, sample: Sample, { frames }: Corpus): Promise<number> {
    const octets = join(mutate(random, sample.server, frames));
    const server = createServer((socket) => void say(socket, random, octets));
    const port = await listening(server);
    const client = this.#engine.connect({ kind: 'tcp', host: '127.0.0.1', port }, DEFAULT_STREAM_LIMITS);
    const asked = Array.from({ length: sample.calls }, () => new Asked());
    for (const one of asked) {
      const stream = client.open(requestOf('/fuzz'), false, one);
      stream.sendData(new Uint8Array(random.below(20_000)), true);
    }
    client.onState = ({ kind }) => {
      // It would be made again for as long as calls wait: one life is enough.
      if (kind === 'failed' || kind === 'idle') client.close();
    };
    await Promise.all(asked.map(({ over }) => over.promise));
    client.close();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    return octets.length;
  }

  /** A call of somebody who does everything right, on a connection of his own. */
  async #rightCall(): Promise<void> {
    const client = this.#engine.connect({ kind: 'tcp', host: '127.0.0.1', port: this.#port }, DEFAULT_STREAM_LIMITS);
    const asked = new Asked();
    const body = Buffer.from('the quick brown fox'.repeat(100));
    client.open(requestOf('/right'), false, asked).sendData(new Uint8Array(body), true);
    const end = await asked.over.promise;
    client.close();
    if (end !== 'closed' || !Buffer.concat(asked.heard).equals(body)) throw new Error(`a call beside it ended with ${end}`);
    for (const wake of this.#waiting.splice(0)) wake();
    this.#checkEchoes();
  }

  /** What has ended is forgotten; nothing may have ended twice. */
  #checkEchoes(): void {
    const live = this.#echoes.filter(({ ends }) => ends === 0);
    if (this.#echoes.some(({ ends }) => ends > 1)) throw new Error('a stream of the server has ended twice');
    this.#echoes.splice(0, this.#echoes.length, ...live);
  }
}

const requestOf = (path: string): HeaderBlock =>
  headerBlock([':method', 'POST', ':scheme', 'http', ':path', path, ':authority', 'test']);

/** Says octets in pieces, reading or not, and ends in one of several ways; resolves once the socket is closed. */
function say(socket: Socket, random: SeededRandom, octets: Uint8Array): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
  });
  socket.on('error', () => undefined);
  if (random.below(3) > 0) socket.resume();
  for (const piece of reads(random, octets)) socket.write(piece);
  const leaves = random.below(3);
  const leave = (): void => {
    if (leaves === 0) socket.destroy();
    else socket.resume().end();
  };
  // Whoever is told to go goes; the others go once everything is said.
  socket.on('end', () => socket.end());
  socket.write(new Uint8Array(0), leave);
  return closed;
}

async function within<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`the case is not over after ${CASE_MS_MAX} ms`)), CASE_MS_MAX);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
