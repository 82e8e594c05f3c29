import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { MethodRules } from '../../link/index.ts';
import { CallRig, type ClientSide, framed, METHOD, patterned } from '../call/testing/index.ts';

/** The model's id is field 1; whatever else there is lies in field 2. */
const RULES: MethodRules = {
  rules: new Map([[METHOD, { idPath: [1], names: 'model', versionPath: null, headersFirst: false }]]),
  allowOthers: false,
};
const ID_FIELD = (id: string): Buffer => Buffer.from([0x0a, id.length, ...Buffer.from(id)]);
const BYTES_FIELD = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from([0x12]), varint(bytes.length), bytes]);
const compressed = (message: Uint8Array): Buffer => {
  const bytes = framed(gzipSync(message));
  bytes[0] = 1;
  return bytes;
};

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return Buffer.from([...bytes, left]);
}

/** Gives the client's bytes in frames of 16 KiB. */
function send(client: ClientSide, bytes: Uint8Array, end = true): void {
  for (let at = 0; at < bytes.length; at += 16_384)
    client.push(Buffer.from(bytes.subarray(at, at + 16_384)), end && at + 16_384 >= bytes.length);
}

async function serving(options: ConstructorParameters<typeof CallRig>[0] = {}): Promise<CallRig> {
  const rig = await CallRig.ready({ rules: RULES, ...options });
  await rig.route('m', rig.openSlot());
  await rig.route('cold', null);
  return rig;
}

function nothingIsHeld(rig: CallRig): void {
  const { plane } = rig.dataPlane;
  const { used, waiting } = plane.rewriteRoom;
  assert.deepEqual([plane.opening.used, plane.replay.used, used, waiting, rig.timers.count], [0, 0, 0, 0, 0]);
}

describe('a call whose model is named in its message', () => {
  it('passes a message larger than every window on as it came, when the id is its last field', async () => {
    const rig = await serving();
    const message = framed(Buffer.concat([BYTES_FIELD(patterned(2 * 1024 * 1024)), ID_FIELD('m')]));
    const client = rig.client();
    send(client, message.subarray(0, 1024 * 1024), false);
    assert.equal(client.stream.consumed, 1024 * 1024, 'without credit the rest would never come');
    assert.equal(rig.dataPlane.plane.opening.used, 1024 * 1024);
    send(client, message.subarray(1024 * 1024));
    assert.equal(Buffer.compare(rig.stream.body, message), 0);
    assert.ok(rig.stream.sentEnd);
    assert.equal(client.stream.consumed, message.length, 'the credit of every byte comes back once');
    rig.stream.answers(framed('yes'));
    assert.deepEqual(client.status, [0, '']);
    nothingIsHeld(rig);
  });

  it('is held against the budget until it has moved on, not only until it was opened', async () => {
    const rig = await serving();
    const message = framed(Buffer.concat([BYTES_FIELD(patterned(1024 * 1024)), ID_FIELD('cold')]));
    const client = rig.client();
    send(client, message);
    assert.ok(rig.dataPlane.plane.opening.used > 1_000_000, 'the load may take minutes');
    const slot = rig.openSlot();
    await rig.route('cold', slot);
    await rig.located('cold', { kind: 'serving', slot });
    assert.equal(Buffer.compare(rig.stream.body, message), 0);
    assert.equal(rig.dataPlane.plane.opening.used, 0);
    assert.equal(client.stream.consumed, message.length);
  });

  it('is refused when too much is held already, and what it held is free again', async () => {
    const rig = await serving({ limits: { openingBytesMax: 100_000 } });
    const client = rig.client();
    send(client, framed(BYTES_FIELD(patterned(200_000))), false);
    assert.equal(client.status?.[0], 8);
    assert.match(client.status?.[1] ?? '', /try again later/);
    nothingIsHeld(rig);
  });

  it('ends at its deadline when the message never comes', async () => {
    const rig = await serving();
    const client = rig.client(['grpc-timeout', '100m']);
    client.push(framed(BYTES_FIELD(patterned(500))).subarray(0, 300), false);
    rig.clock.advance(120);
    assert.equal(client.status?.[0], 4);
    assert.deepEqual(client.stream.resets, [0]);
    nothingIsHeld(rig);

    const silent = rig.client();
    rig.clock.advance(300_100);
    assert.equal(silent.status?.[0], 4, 'the default deadline holds too');
    nothingIsHeld(rig);
  });

  it('leaves nothing behind when the client goes away while it is opened, also in the thread pool', async () => {
    const rig = await serving();
    const plain = rig.client();
    plain.push(framed(BYTES_FIELD(patterned(500))).subarray(0, 300), false);
    plain.cancel();
    const packed = rig.client(['grpc-encoding', 'gzip']);
    send(packed, compressed(Buffer.concat([BYTES_FIELD(patterned(100_000)), ID_FIELD('m')])));
    packed.cancel();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(rig.streams.length, 0);
    assert.deepEqual(
      rig.finished.map(({ code }) => code),
      [1, 1],
    );
    nothingIsHeld(rig);
  });

  it('names the method that is not allowed, and the field that is missing', async () => {
    const strict = await serving({ rules: { rules: new Map(), allowOthers: false } });
    assert.deepEqual(strict.client(['mm-model-id', 'm'], true).status, [12, `Method not found or not permitted: ${METHOD}`]);
    const rig = await serving();
    const empty = rig.client([], true);
    assert.deepEqual(empty.status, [3, 'must include mm-model-id header']);
    const cut = rig.client();
    cut.push(framed(ID_FIELD('m')).subarray(0, 6), true);
    assert.equal(cut.status?.[0], 3);
    nothingIsHeld(rig);
  });
});

describe('a call into whose messages the model is written', () => {
  const INJECT = new Map([[METHOD, [1]]]);
  const injected = (bytes: Uint8Array): Buffer => framed(Buffer.concat([BYTES_FIELD(bytes), ID_FIELD('m')]));

  it('gets it in every message of a stream, compressed or not, in their order', async () => {
    const rig = await serving({ rules: { rules: new Map(), allowOthers: true } });
    await rig.runtimeUp(INJECT);
    const client = rig.client(['mm-model-id', 'm', 'grpc-encoding', 'gzip']);
    const bodies = [patterned(50_000), patterned(10), patterned(70_000), patterned(20)];
    const parts = bodies.map((bytes, index) => (index % 2 === 0 ? compressed(BYTES_FIELD(bytes)) : framed(BYTES_FIELD(bytes))));
    send(client, Buffer.concat(parts));
    const whole = Buffer.concat(bodies.map(injected));
    await rig.stream.ended;
    assert.equal(Buffer.compare(rig.stream.body, whole), 0);
    assert.equal(client.stream.consumed, Buffer.concat(parts).length);
    rig.stream.answers(framed('yes'));
    assert.deepEqual(client.status, [0, '']);
    nothingIsHeld(rig);
  });

  it('waits while others hold the room, without credit and without an error, and goes on as soon as they have moved on', async () => {
    const rig = await serving({ rules: { rules: new Map(), allowOthers: true }, limits: { openingBytesMax: 100_000 } });
    await rig.runtimeUp(INJECT);
    const whole = framed(BYTES_FIELD(patterned(90_000)));
    const clients = [0, 1, 2].map(() => rig.client(['mm-model-id', 'm']));
    const [first, second, third] = clients;
    assert.ok(first && second && third);
    send(first, whole.subarray(0, 80_000), false);
    send(second, whole.subarray(0, 80_000), false);
    send(third, whole);
    assert.deepEqual(
      [second.stream.consumed, third.stream.consumed],
      [80_000, 0],
      'one may go beyond the bound, the next has to wait',
    );
    first.push(whole.subarray(80_000), true);
    assert.equal(first.stream.consumed, 80_000);
    second.push(whole.subarray(80_000), true);
    for (const { stream } of clients) assert.equal(stream.consumed, whole.length, 'one lets the next one in');
    for (const stream of rig.streams) {
      assert.equal(Buffer.compare(stream.body, injected(patterned(90_000))), 0);
      stream.answers(framed('yes'));
    }
    for (const { status } of clients) assert.deepEqual(status, [0, '']);
    nothingIsHeld(rig);
  });

  it('may be alone larger than the room, so that no size is impossible', async () => {
    const rig = await serving({ rules: { rules: new Map(), allowOthers: true }, limits: { openingBytesMax: 100_000 } });
    await rig.runtimeUp(INJECT);
    const client = rig.client(['mm-model-id', 'm']);
    send(client, framed(BYTES_FIELD(patterned(200_000))));
    assert.equal(Buffer.compare(rig.stream.body, injected(patterned(200_000))), 0);
    client.cancel();
    nothingIsHeld(rig);
  });

  it('that was small while it was compressed is refused where there is no room for what it becomes', async () => {
    const rig = await serving({ rules: { rules: new Map(), allowOthers: true }, limits: { openingBytesMax: 100_000 } });
    await rig.runtimeUp(INJECT);
    const half = framed(BYTES_FIELD(patterned(90_000))).subarray(0, 60_000);
    const [gone, other] = [rig.client(['mm-model-id', 'm']), rig.client(['mm-model-id', 'm'])];
    send(gone, half, false);
    send(other, half, false);
    gone.cancel();
    const bomb = rig.client(['mm-model-id', 'm', 'grpc-encoding', 'gzip']);
    bomb.push(compressed(BYTES_FIELD(Buffer.alloc(200_000))), true);
    assert.equal(bomb.status?.[0], 8);
    assert.ok(rig.stream.letGo);
    other.cancel();
    nothingIsHeld(rig);
  });

  it('gives back what an incomplete message held when the client goes away', async () => {
    const rig = await serving({ rules: { rules: new Map(), allowOthers: true } });
    await rig.runtimeUp(INJECT);
    const client = rig.client(['mm-model-id', 'm']);
    send(client, framed(BYTES_FIELD(patterned(200_000))).subarray(0, 100_000), false);
    assert.equal(rig.dataPlane.plane.rewriteRoom.used, 100_000);
    client.cancel();
    assert.ok(rig.stream.letGo);
    nothingIsHeld(rig);
  });
});
