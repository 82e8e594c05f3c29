import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  type AcceptStream,
  type ByteStream,
  type ClientConnection,
  type ConnectionInfo,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  type HeaderBlock,
  headerBlock,
  type ResetCause,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { systemClock } from '../node/index.ts';
import { acceptRelayed, createRelayEngine, Relay } from './index.ts';

const WORD = 'word';
// Overwrites what was consumed or given away, so that whoever still reads it is found out.
const engine = createFrameEngine({ clock: systemClock, poison: true });
/** Of a client and its worker, of which nothing is bounded here that would hide what the relay does. */
const generous = createRelayEngine(systemClock);
const INFO: ConnectionInfo = {
  remoteAddress: '10.1.2.3',
  encrypted: true,
  clientCertificate: { subject: 'CN=é,O=acme', altNames: ['DNS:a'] },
};
const ONE_MIB = 1_048_576;

function listen(path: string, accept: AcceptStream, info: ConnectionInfo, by = engine): Promise<Server> {
  const server = createServer((socket) => void by.serve(socket, info, DEFAULT_STREAM_LIMITS, accept));
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

/** A client before a worker's relay before control, which `accept` plays. */
class Rig implements AsyncDisposable {
  readonly client: ClientConnection;
  readonly control: ClientConnection;
  readonly #close: () => Promise<void>;

  private constructor(client: ClientConnection, control: ClientConnection, close: () => Promise<void>) {
    this.client = client;
    this.control = control;
    this.#close = close;
  }

  static async start(accept: AcceptStream, by = engine): Promise<Rig> {
    const folder = mkdtempSync(join(tmpdir(), 'mesh-relay-'));
    const [front, back] = [join(folder, 'f'), join(folder, 'b')];
    const unix: ConnectionInfo = { remoteAddress: 'unix', encrypted: false, clientCertificate: undefined };
    const behind = await listen(back, acceptRelayed(WORD, accept), unix, by);
    const relay = new Relay({ engine: by, limits: DEFAULT_STREAM_LIMITS, path: back, word: WORD });
    const before = await listen(front, relay.accept, INFO, by);
    const connect = (path: string): ClientConnection => by.connect({ kind: 'unix', path }, DEFAULT_STREAM_LIMITS);
    const [client, control] = [connect(front), connect(back)];
    return new Rig(client, control, async () => {
      for (const one of [client, control, relay]) one.close();
      for (const server of [before, behind]) await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

/** Keeps what came and says when it is over. */
class Heard implements StreamHandler {
  headers: HeaderBlock | undefined;
  trailers: HeaderBlock | undefined;
  cause: ResetCause | undefined;
  readonly bytes: Buffer[] = [];
  readonly #over = Promise.withResolvers<void>();
  readonly over = this.#over.promise;
  readonly #answered = Promise.withResolvers<void>();
  readonly answered = this.#answered.promise;

  get body(): Buffer {
    return Buffer.concat(this.bytes);
  }
  onHeaders(_stream: ByteStream, headers: HeaderBlock): void {
    this.headers = headers;
    this.#answered.resolve();
  }
  onData(stream: ByteStream, bytes: Uint8Array): void {
    this.bytes.push(Buffer.from(bytes));
    stream.consume(bytes.length);
  }
  onTrailers(_stream: ByteStream, trailers: HeaderBlock): void {
    this.trailers = trailers;
  }
  onWritable(): void {}
  onClosed(): void {
    this.#over.resolve();
  }
  onReset(_stream: ByteStream, cause: ResetCause): void {
    this.cause = cause;
    this.#over.resolve();
  }
}

/** Sends back what comes, with the credit of one side returned when the other took the bytes. */
const echo: AcceptStream = (stream, headers, _end, { info }) => {
  let held = 0;
  const facts = JSON.stringify({ info, forged: headers.get('mesh-relayed') ?? null, path: headers.get(':path') });
  stream.sendHeaders(headerBlock([':status', '200', 'x-facts', Buffer.from(facts).toString('base64')]), false);
  const quiet = new Heard();
  quiet.onData = (from, bytes, end?: boolean) => {
    const { length } = bytes;
    if (stream.sendData(bytes, false)) from.consume(length);
    else held += length;
    if (end === true) stream.sendTrailers(headerBlock(['x-end', 'yes']));
  };
  quiet.onWritable = () => {
    stream.consume(held);
    held = 0;
  };
  return quiet;
};

const request = (path: string, ...more: readonly string[]): HeaderBlock =>
  headerBlock([':method', 'POST', ':scheme', 'http', ':authority', 'a', ':path', path, ...more]);

describe('a relay', () => {
  it('passes headers, bytes and trailers both ways, and tells of the connection of the client', { timeout: 20_000 }, async () => {
    await using rig = await Rig.start(echo);
    const heard = new Heard();
    const stream = rig.client.open(request('/x', 'mesh-relayed', 'word forged'), false, heard);
    const sent = Buffer.alloc(ONE_MIB, 'abcdefg');
    for (let at = 0; at < ONE_MIB; at += 65_536) stream.sendData(Buffer.from(sent.subarray(at, at + 65_536)), false);
    stream.sendData(new Uint8Array(0), true);
    await heard.over;
    assert.equal(heard.cause, undefined);
    assert.ok(heard.body.equals(sent));
    assert.equal(heard.trailers?.get('x-end'), 'yes');
    const facts = JSON.parse(Buffer.from(heard.headers?.get('x-facts') ?? '', 'base64').toString());
    assert.deepEqual(facts, { info: INFO, forged: null, path: '/x' });
  });

  it('tells control of a client that gave up, and a client of a reset', { timeout: 20_000 }, async () => {
    const atControl: Heard[] = [];
    const accepted = Promise.withResolvers<void>();
    await using rig = await Rig.start((stream, headers) => {
      const heard = new Heard();
      atControl.push(heard);
      if (headers.get(':path') === '/reset') stream.reset(0xb);
      accepted.resolve();
      return heard;
    });
    const gone = rig.client.open(request('/x'), false, new Heard());
    await accepted.promise;
    gone.reset(8);
    await atControl[0]?.over;
    assert.deepEqual(atControl[0]?.cause, { kind: 'peer-reset', code: 8 });

    const heard = new Heard();
    rig.client.open(request('/reset'), false, heard);
    await heard.over;
    assert.deepEqual(heard.cause, { kind: 'peer-reset', code: 0xb });
  });

  it('goes on however many streams clients reset, since all of them share its connection', { timeout: 20_000 }, async () => {
    await using rig = await Rig.start(echo, generous);
    const lasting = new Heard();
    const stream = rig.client.open(request('/x'), false, lasting);
    for (let round = 0; round < 100; round++) {
      const reset = Array.from({ length: 200 }, async () => {
        const heard = new Heard();
        const one = rig.client.open(request('/x'), false, heard);
        await heard.answered;
        one.reset(8);
        await heard.over;
      });
      await Promise.all(reset);
    }
    stream.sendData(Buffer.from('still there'), true);
    await lasting.over;
    assert.equal(lasting.cause, undefined);
    assert.equal(lasting.body.toString(), 'still there');
  });

  it('refuses whoever does not know the word, and answers as unavailable where control is gone', {
    timeout: 20_000,
  }, async () => {
    await using rig = await Rig.start(echo);
    const forger = new Heard();
    rig.control.open(request('/x', 'mesh-relayed', 'guess e30='), true, forger);
    await forger.over;
    assert.equal(forger.headers?.get(':status'), '403');

    const nobody = new Relay({ engine, limits: DEFAULT_STREAM_LIMITS, path: '/nowhere/at/all', word: WORD });
    const folder = mkdtempSync(join(tmpdir(), 'mesh-relay-'));
    const server = await listen(join(folder, 's'), nobody.accept, INFO);
    const client = engine.connect({ kind: 'unix', path: join(folder, 's') }, DEFAULT_STREAM_LIMITS);
    const [grpc, plain] = [new Heard(), new Heard()];
    client.open(request('/a.B/C', 'content-type', 'application/grpc'), false, grpc);
    client.open(request('/v2'), true, plain);
    await Promise.all([grpc.over, plain.over]);
    assert.equal(grpc.headers?.get('grpc-status'), '14');
    assert.equal(plain.headers?.get(':status'), '503');
    client.close();
    nobody.close();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });
});
