import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs } from '@modelmesh/core';
import { FakeClock } from '@modelmesh/core/testing';
import type { EventView } from '@modelmesh/sdk/client';
import { type ServedRest, serveRest } from '../testing/index.ts';
import { HEARTBEAT_MS, LISTENER_EVENTS_MAX } from './event-stream.ts';
import { SCHEMAS } from './schemas.ts';

/** One listener, read as text. */
class Listener implements AsyncDisposable {
  readonly #gone = new AbortController();
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  text = '';

  private constructor(response: Response, gone: AbortController) {
    this.response = response;
    this.#gone = gone;
    this.#reader = response.body?.getReader();
  }

  static async open(rest: ServedRest, query = '', headers: Record<string, string> = {}): Promise<Listener> {
    const gone = new AbortController();
    return new Listener(await fetch(`${rest.url}/api/v1/events${query}`, { headers, signal: gone.signal }), gone);
  }

  /** Reads until the text holds `part`, or to the end. */
  async until(part: string | undefined): Promise<string> {
    const decoder = new TextDecoder();
    while (part === undefined || !this.text.includes(part)) {
      const chunk = await this.#reader?.read();
      if (chunk === undefined || chunk.done) return this.text;
      this.text += decoder.decode(chunk.value, { stream: true });
    }
    return this.text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gone.abort();
  }
}

const eventsOf = (text: string): EventView[] =>
  [...text.matchAll(/^data: (\{"id".*)$/gm)].map(([, json = '']) => SCHEMAS.Event.parse(JSON.parse(json)));

test('a listener hears of what happens from now on, each event with its id', async () => {
  await using rest = await serveRest();
  rest.control.emit('before');
  await using listener = await Listener.open(rest);
  assert.equal(listener.response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  rest.control.emit('model-loaded', 'line one\nline two');
  const text = await listener.until('\n\n');
  assert.match(text, /^id: 2\ndata: \{/);
  assert.deepEqual(
    eventsOf(text).map(({ kind, message }) => [kind, message]),
    [['model-loaded', 'line one\nline two']],
  );
});

test('a listener that comes again goes on after the last event it knows, by header or query', async () => {
  await using rest = await serveRest();
  for (const kind of ['a', 'b', 'c']) rest.control.emit(kind);
  await using byHeader = await Listener.open(rest, '?after=2', { 'last-event-id': '1' });
  assert.deepEqual(
    eventsOf(await byHeader.until('"c"')).map(({ kind }) => kind),
    ['b', 'c'],
  );
  await using byQuery = await Listener.open(rest, '?after=2');
  assert.deepEqual(
    eventsOf(await byQuery.until('"c"')).map(({ kind }) => kind),
    ['c'],
  );
});

test('without following the answer holds what is kept and ends', async () => {
  await using rest = await serveRest();
  for (const kind of ['a', 'b']) rest.control.emit(kind);
  await using listener = await Listener.open(rest, '?follow=false');
  assert.deepEqual(
    eventsOf(await listener.until(undefined)).map(({ kind }) => kind),
    ['a', 'b'],
  );
  assert.equal(rest.control.listeners.size, 0);
});

test('a silent stream says that it is alive', async () => {
  const clock = new FakeClock();
  await using rest = await serveRest({ clock });
  await using listener = await Listener.open(rest);
  clock.advance(HEARTBEAT_MS);
  assert.equal(await listener.until('alive'), ': alive\n\n');
});

test('a listener that does not keep up is dropped with a last event that says so', async () => {
  await using rest = await serveRest();
  await using listener = await Listener.open(rest);
  // All in one turn: nothing can be read meanwhile.
  for (let sent = 0; sent <= LISTENER_EVENTS_MAX + 100; sent += 1) rest.control.emit('flood', 'x'.repeat(1000));
  assert.equal(rest.control.listeners.size, 0);
  const text = await listener.until(undefined);
  assert.match(
    text,
    /\nevent: dropped\ndata: \{"message":"more than 1000 events waited; connect again with Last-Event-ID"\}\n\n$/,
  );
});

test('one listener more than the limit is refused', async () => {
  await using rest = await serveRest();
  rest.control.listenersMax = 1;
  await using _first = await Listener.open(rest);
  const { status, json } = await rest.call('GET', '/api/v1/events');
  assert.deepEqual([status, SCHEMAS.Error.parse(json).kind], [429, 'overloaded']);
});

test('a listener that leaves is forgotten', async () => {
  await using rest = await serveRest();
  const listener = await Listener.open(rest);
  assert.equal(rest.control.listeners.size, 1);
  const left = Promise.withResolvers<void>();
  rest.control.listeners.delete = (member) => {
    left.resolve();
    return Set.prototype.delete.call(rest.control.listeners, member);
  };
  await listener[Symbol.asyncDispose]();
  await left.promise;
  assert.equal(rest.control.listeners.size, 0);
});

test('when the node takes no more calls, listeners are told and leave, and later ones at once', async () => {
  await using rest = await serveRest();
  await using listener = await Listener.open(rest);
  rest.app.drain(durationMs(1000));
  const goodbye = /event: closing\ndata: \{"message":"the node is shutting down"\}\n\n$/;
  assert.match(await listener.until(undefined), goodbye);
  await using later = await Listener.open(rest);
  assert.match(await later.until(undefined), goodbye);
  assert.equal(rest.control.listeners.size, 0);
  assert.equal((await rest.call('GET', '/api/v1/models')).status, 200);
});

test('when the app closes, listeners are told', async () => {
  const rest = await serveRest();
  await using listener = await Listener.open(rest);
  const closed = rest[Symbol.asyncDispose]();
  assert.match(await listener.until(undefined), /event: closing\ndata: \{"message":"the node is shutting down"\}\n\n$/);
  await closed;
});
