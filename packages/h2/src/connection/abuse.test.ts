import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODE, FLAG, FRAME, uint32At } from '../frames/index.ts';
import { field } from '../hpack/index.ts';
import { DEFAULT_CONNECTION_LIMITS, FIXED_LIMITS, type LimitName } from './limits.ts';
import { Blocks, frame, LoneServer, u32 } from './testing/index.ts';

const EVERY_LIMIT = Object.keys({ ...DEFAULT_CONNECTION_LIMITS, ...FIXED_LIMITS }) as LimitName[];
/** Limits that the other side cannot pass: they say how much we send, keep or give. Their tests are in `bounds.test.ts`. */
const OF_OUR_OWN: readonly LimitName[] = [
  'sentListBytesMax',
  'headerTableBytesMax',
  'streamWindowBytesMax',
  'connectionWindowBytes',
  'framedBytesMax',
  'rememberedResetsMax',
];

/** What was tested below, by the name of the limit. */
const tested = new Set<LimitName>();

/** Declares the test of a limit: what passes it ends the connection, or one stream, and is told by its name. */
function abuse(limit: LimitName, title: string, play: () => LoneServer): void {
  tested.add(limit);
  test(`${limit}: ${title}`, () => {
    const server = play();
    assert.ok(server.limits.includes(limit), `told: ${server.limits.join(', ')}`);
  });
}

const TWICE = { burst: 2, perSecond: 0 };

function endsCalmly(server: LoneServer): LoneServer {
  assert.equal(server.goaway?.code, ERROR_CODE.enhanceYourCalm);
  assert.equal(server.end?.kind, 'error');
  return server;
}

const resets = (server: LoneServer): [number, number][] =>
  server.sent.filter(({ type }) => type === FRAME.rstStream).map(({ streamId, payload }) => [streamId, uint32At(payload, 0)]);

abuse('streamsMax', 'streams beyond it are refused as unprocessed, and those that live go on', () => {
  const server = new LoneServer({ streamsMax: 2 });
  const blocks = new Blocks();
  for (const id of [1, 3, 5, 7]) server.say(blocks.request(id, false));
  assert.deepEqual(resets(server), [
    [5, ERROR_CODE.refusedStream],
    [7, ERROR_CODE.refusedStream],
  ]);
  server.say(frame(FRAME.data, FLAG.endStream, 3, [1]));
  assert.equal(server.served[1]?.heard.log.at(-1), 'data \u0001 end');
  return server;
});

abuse('refusedStreams', 'streams that are opened without end', () => {
  const server = new LoneServer({ streamsMax: 1, refusedStreams: TWICE });
  const blocks = new Blocks();
  for (const id of [1, 3, 5, 7]) server.say(blocks.request(id, false));
  return endsCalmly(server);
});

abuse('resets', 'streams that are opened and reset at once (rapid reset)', () => {
  const server = new LoneServer({ resets: TWICE });
  const blocks = new Blocks();
  for (const id of [1, 3, 5]) server.say(blocks.request(id, false), frame(FRAME.rstStream, 0, id, u32(8)));
  assert.equal(server.connection.streamCount, 0);
  return endsCalmly(server);
});

abuse('resets', 'streams that we are made to reset', () => {
  const server = new LoneServer({ resets: TWICE });
  const blocks = new Blocks();
  for (const id of [1, 3, 5]) server.say(blocks.request(id, false), frame(FRAME.windowUpdate, 0, id, u32(0)));
  return endsCalmly(server);
});

abuse('settings', 'a flood of SETTINGS', () => {
  const server = new LoneServer({ settings: TWICE });
  server.say(frame(FRAME.settings, 0, 0), frame(FRAME.settings, 0, 0));
  return endsCalmly(server);
});

abuse('pings', 'a flood of PING', () => {
  const server = new LoneServer({ pings: TWICE });
  const ping = frame(FRAME.ping, 0, 0, new Uint8Array(8));
  server.say(ping, ping, ping);
  return endsCalmly(server);
});

abuse('priorities', 'a flood of PRIORITY', () => {
  const server = new LoneServer({ priorities: TWICE });
  const priority = frame(FRAME.priority, 0, 1, [...u32(0), 16]);
  server.say(priority, priority, priority);
  return endsCalmly(server);
});

abuse('emptyFrames', 'DATA without octets that ends nothing', () => {
  const server = new LoneServer({ emptyFrames: TWICE });
  const empty = frame(FRAME.data, 0, 1);
  server.say(new Blocks().request(1, false), empty, empty, empty);
  return endsCalmly(server);
});

abuse('emptyFrames', 'frames of types that nobody knows', () => {
  const server = new LoneServer({ emptyFrames: TWICE });
  const unknown = frame(0x42, 0, 0, [1, 2, 3]);
  server.say(unknown, unknown, unknown);
  return endsCalmly(server);
});

abuse('windowUpdates', 'credit an octet at a time', () => {
  const server = new LoneServer({ windowUpdates: TWICE });
  const update = frame(FRAME.windowUpdate, 0, 0, u32(1));
  server.say(update, update, update);
  return endsCalmly(server);
});

abuse('continuationsMax', 'a header block that never ends', () => {
  const server = new LoneServer({ continuationsMax: 3 });
  server.say(frame(FRAME.headers, 0, 1, new Blocks().of([field('x', '1')])));
  for (let at = 0; at < 4; at += 1) server.say(frame(FRAME.continuation, 0, 1));
  return endsCalmly(server);
});

abuse('headerBlockBytesMax', 'a header block that is long before it is read', () => {
  const server = new LoneServer({ headerBlockBytesMax: 1000 });
  server.say(frame(FRAME.headers, 0, 1, new Uint8Array(600)), frame(FRAME.continuation, 0, 1, new Uint8Array(600)));
  return endsCalmly(server);
});

abuse('headerListBytesMax', 'a block of a few octets that means a list of many (HPACK bomb)', () => {
  const server = new LoneServer({ headerListBytesMax: 10_000 });
  const big = new Blocks().of([field('x-big', 'v'.repeat(3000))]);
  // A literal that goes into the table, and then itself again and again, an octet each.
  const bomb = Buffer.concat([
    Uint8Array.from(big, (octet, at) => (at === 0 ? 0x40 | (octet & 0x3f) : octet)),
    Buffer.alloc(10_000, 0xbe),
  ]);
  server.say(frame(FRAME.headers, FLAG.endHeaders, 1, bomb));
  assert.deepEqual(resets(server), [[1, ERROR_CODE.enhanceYourCalm]]);
  assert.equal(server.end, undefined);
  return server;
});

abuse('headerFieldsMax', 'a list of very many short fields', () => {
  const server = new LoneServer({ headerFieldsMax: 10 });
  const many = Array.from({ length: 11 }, (_, at) => [`x${at}`, '1'] as const);
  server.say(new Blocks().request(1, false, ...many));
  assert.deepEqual(resets(server), [[1, ERROR_CODE.enhanceYourCalm]]);
  return server;
});

abuse('streamWindowBytes', 'more DATA than a stream has room for', () => {
  const server = new LoneServer({ streamWindowBytes: 1000 });
  server.say(new Blocks().request(1, false), frame(FRAME.data, 0, 1, new Uint8Array(1001)));
  assert.deepEqual(resets(server), [[1, ERROR_CODE.flowControlError]]);
  assert.equal(server.served[0]?.heard.bytes, 0);
  assert.equal(server.end, undefined);
  return server;
});

abuse('frameBytesMax', 'a frame that is longer than we have said, before it is read', () => {
  const server = new LoneServer();
  server.say(Uint8Array.from([0, 0x40, 1, FRAME.headers, FLAG.endHeaders, 0, 0, 0, 1]));
  assert.equal(server.goaway?.code, ERROR_CODE.frameSizeError);
  assert.equal(server.served.length, 0);
  return server;
});

const MISUSES: readonly (readonly [title: string, code: number, said: (blocks: Blocks) => readonly Uint8Array[]])[] = [
  ['a client opens a stream of a server', ERROR_CODE.protocolError, (blocks) => [blocks.request(2, true)]],
  ['an id that was passed over', ERROR_CODE.streamClosed, (blocks) => [blocks.request(5, true), blocks.request(3, true)]],
  ['DATA on a stream that nobody has opened', ERROR_CODE.protocolError, () => [frame(FRAME.data, 0, 7, [1])]],
  ['RST_STREAM of a stream that nobody has opened', ERROR_CODE.protocolError, () => [frame(FRAME.rstStream, 0, 7, u32(8))]],
  ['WINDOW_UPDATE of a stream that nobody has opened', ERROR_CODE.protocolError, () => [frame(FRAME.windowUpdate, 0, 7, u32(1))]],
  ['DATA of the connection', ERROR_CODE.protocolError, () => [frame(FRAME.data, 0, 0, [1])]],
  ['PING on a stream', ERROR_CODE.protocolError, () => [frame(FRAME.ping, 0, 1, new Uint8Array(8))]],
];
for (const [title, code, said] of MISUSES) {
  abuse('misusedStreamIdsMax', title, () => {
    const server = new LoneServer();
    server.say(...said(new Blocks()));
    assert.equal(server.goaway?.code, code);
    assert.equal(server.end?.kind, 'error');
    return server;
  });
}

abuse('unreadControlBytesMax', 'questions whose answers are not read', () => {
  const server = new LoneServer({ unreadControlBytesMax: 100, framedBytesMax: 100, pings: { burst: 1000, perSecond: 0 } });
  server.connection.congested(server.nowMs);
  const ping = frame(FRAME.ping, 0, 0, new Uint8Array(8));
  server.say(...Array.from({ length: 50 }, () => ping));
  return endsCalmly(server);
});

abuse('stallMsMax', 'a stream that is given no window is reset, and its data let go', () => {
  const server = new LoneServer({ stallMsMax: 5000, settingsMsMax: 60_000 });
  server.say(frame(FRAME.settings, 0, 0, [0, 4, ...u32(0)]), new Blocks().request(1, true));
  const stream = server.served[0]?.stream;
  stream?.sendHeaders({ raw: () => [':status', '200'] }, false);
  assert.equal(stream?.sendData(new Uint8Array(10), false), false);
  server.connection.sweep(6000);
  assert.equal(stream?.isOver, false);
  server.connection.sweep(6001);
  server.collect();
  assert.deepEqual(resets(server), [[1, ERROR_CODE.flowControlError]]);
  assert.equal(server.served[0]?.heard.end?.kind, 'protocol-error');
  return server;
});

abuse('stallMsMax', 'a connection that is given no window ends', () => {
  const server = new LoneServer({ stallMsMax: 5000, settingsMsMax: 60_000 });
  server.say(frame(FRAME.settings, 0, 0, [0, 4, ...u32(1_000_000)]), new Blocks().request(1, true));
  const stream = server.served[0]?.stream;
  stream?.sendHeaders({ raw: () => [':status', '200'] }, false);
  stream?.sendData(new Uint8Array(100_000), true);
  server.connection.sweep(6001);
  assert.equal(server.end?.kind, 'error');
  return server;
});

abuse('unreadMsMax', 'a peer that reads nothing', () => {
  const server = new LoneServer({ unreadMsMax: 5000, settingsMsMax: 60_000 });
  server.connection.congested(1000);
  server.connection.sweep(6000);
  assert.equal(server.end, undefined);
  server.connection.sweep(6001);
  server.collect();
  return endsCalmly(server);
});

abuse('partialMsMax', 'a header block that comes an octet at a time', () => {
  const server = new LoneServer({ partialMsMax: 5000, settingsMsMax: 60_000 });
  server.say(new Blocks().request(1, false).subarray(0, 12));
  server.nowMs = 5999;
  server.say(Uint8Array.of(0));
  server.connection.sweep(6001);
  server.collect();
  return endsCalmly(server);
});

abuse('settingsMsMax', 'a peer that connects and says nothing', () => {
  const server = new LoneServer({ settingsMsMax: 5000 }, false);
  server.connection.sweep(6001);
  server.collect();
  assert.equal(server.goaway?.code, ERROR_CODE.settingsTimeout);
  return server;
});

test('every limit has a test', () => {
  assert.deepEqual(
    EVERY_LIMIT.filter((limit) => !tested.has(limit) && !OF_OUR_OWN.includes(limit)),
    [],
  );
});

test('a rate gives back what it took as time goes by', () => {
  const server = new LoneServer({ pings: { burst: 2, perSecond: 1 } });
  const ping = frame(FRAME.ping, 0, 0, new Uint8Array(8));
  for (let at = 0; at < 20; at += 1) {
    server.nowMs += 1000;
    server.say(ping);
  }
  assert.equal(server.end, undefined);
  assert.equal(server.sent.filter(({ type, flags }) => type === FRAME.ping && flags === FLAG.ack).length, 20);
});
