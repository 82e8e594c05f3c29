/** Clients that abuse HTTP/2, at the port of a real node with its own limits: each ends at the limit that the metrics name, and others are served. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Blocks, frame, framesIn, goawayIn, hello, type RawFrame, u32 } from '@modelmesh/h2/connection/testing';
import { ERROR_CODE, FLAG, FRAME } from '@modelmesh/h2/frames';
import { field } from '@modelmesh/h2/hpack';
import { NodeProcess, scrape, splitAddress } from '../node-process/index.ts';

/** How the other side took it. */
type End = 'goaway' | 'reset';

interface Abuse {
  readonly limit: string;
  readonly code: number;
  readonly end: End;
  readonly says: () => readonly Uint8Array[];
}

const times = (count: number, make: (at: number) => Uint8Array): readonly Uint8Array[] =>
  Array.from({ length: count }, (_, at) => make(at));
/** Many more than burst and rate allow, since a slow machine has given some back meanwhile. */
const MANY = 40_000;

/** Requests to `/` that never end, so that their streams stay open. */
function openEnded(count: number, behind: (id: number) => readonly Uint8Array[] = () => []): readonly Uint8Array[] {
  const blocks = new Blocks();
  const fields = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'node'],
  ] as const;
  return times(count, (at) => {
    const id = 2 * at + 1;
    const head = frame(FRAME.headers, FLAG.endHeaders, id, blocks.of(fields.map(([name, value]) => field(name, value))));
    return Buffer.concat([head, ...behind(id)]);
  });
}

/** A field that goes into the table, and then itself again and again, an octet each. */
function bomb(): Uint8Array {
  const [literal = new Uint8Array(0)] = [new Blocks().of([field('x-big', 'v'.repeat(3000))])];
  const indexed = Uint8Array.from(literal, (octet, at) => (at === 0 ? 0x40 | (octet & 0x3f) : octet));
  return frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.concat([indexed, Buffer.alloc(1000, 0xbe)]));
}

const ABUSES: readonly Abuse[] = [
  { limit: 'refusedStreams', code: ERROR_CODE.enhanceYourCalm, end: 'goaway', says: () => openEnded(MANY) },
  {
    limit: 'resets',
    code: ERROR_CODE.enhanceYourCalm,
    end: 'goaway',
    says: () => openEnded(MANY, (id) => [frame(FRAME.rstStream, 0, id, u32(ERROR_CODE.cancel))]),
  },
  {
    limit: 'settings',
    code: ERROR_CODE.enhanceYourCalm,
    end: 'goaway',
    says: () => times(1000, () => frame(FRAME.settings, 0, 0)),
  },
  {
    limit: 'pings',
    code: ERROR_CODE.enhanceYourCalm,
    end: 'goaway',
    says: () => times(MANY, () => frame(FRAME.ping, 0, 0, new Uint8Array(8))),
  },
  {
    limit: 'priorities',
    code: ERROR_CODE.enhanceYourCalm,
    end: 'goaway',
    says: () => times(MANY, () => frame(FRAME.priority, 0, 1, [...u32(0), 16])),
  },
  {
    limit: 'emptyFrames',
    code: ERROR_CODE.enhanceYourCalm,
    end: 'goaway',
    says: () => [...openEnded(1), ...times(MANY, () => frame(FRAME.data, 0, 1))],
  },
  {
    limit: 'continuationsMax',
    code: ERROR_CODE.enhanceYourCalm,
    end: 'goaway',
    says: () => [
      frame(FRAME.headers, 0, 1, new Blocks().of([field('x', '1')])),
      ...times(100, () => frame(FRAME.continuation, 0, 1, [0])),
    ],
  },
  { limit: 'headerListBytesMax', code: ERROR_CODE.enhanceYourCalm, end: 'reset', says: () => [bomb()] },
  {
    limit: 'frameBytesMax',
    code: ERROR_CODE.frameSizeError,
    end: 'goaway',
    says: () => [Uint8Array.from([0, 0x40, 1, FRAME.headers, FLAG.endHeaders, 0, 0, 0, 1])],
  },
  { limit: 'misusedStreamIdsMax', code: ERROR_CODE.protocolError, end: 'goaway', says: () => [frame(FRAME.data, 0, 7, [1])] },
];

/** Says `octets` on a connection of its own; resolves with the frames that came until it was closed, or until a stream was reset with `code`. */
function play(address: string, octets: readonly Uint8Array[], { code, end }: Abuse): Promise<readonly RawFrame[]> {
  const [host, port] = splitAddress(address);
  return new Promise((resolve) => {
    const heard: Buffer[] = [];
    const frames = (): readonly RawFrame[] => framesIn([new Uint8Array(Buffer.concat(heard))]);
    const socket = connect({ host, port: Number(port) });
    // Whoever is cut off while it still says something may see a reset.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(frames()));
    socket.on('data', (bytes: Buffer) => {
      heard.push(bytes);
      if (end === 'reset' && resetsIn(frames()).includes(code)) socket.end();
    });
    socket.write(Buffer.concat([hello(), ...octets]));
  });
}

const resetsIn = (frames: readonly RawFrame[]): readonly number[] =>
  frames.filter(({ type }) => type === FRAME.rstStream).map(({ payload }) => Buffer.from(payload).readUInt32BE(0));

for (const workers of [1, 2])
  describe(`a client that abuses HTTP/2, ${workers} workers`, () => {
    let node: NodeProcess;
    before(async () => {
      node = await NodeProcess.start({ flags: { 'runtime-server': 'null', workers: String(workers) } });
    });
    after(() => node[Symbol.asyncDispose]());

    for (const abuse of ABUSES) {
      it(`ends at ${abuse.limit}, which the metrics count`, async () => {
        const label = `mesh_limits_reached_total{limit="http2.${abuse.limit}"}`;
        const before = (await scrape(node)).get(label);
        assert.equal(before, 0);
        const frames = await play(node.addresses.inference, abuse.says(), abuse);
        if (abuse.end === 'goaway') assert.equal(goawayIn(frames)?.code, abuse.code);
        else assert.ok(resetsIn(frames).includes(abuse.code));
        assert.equal((await scrape(node)).get(label), 1);
        const alive = await fetch(`${node.url}/v2/health/ready`);
        assert.equal(alive.status, 200);
        await alive.arrayBuffer();
      });
    }

    it('has had streams refused before that', async () => {
      const refused = (await scrape(node)).get('mesh_limits_reached_total{limit="http2.streamsMax"}') ?? 0;
      assert.ok(refused >= 10_000, `${refused} streams were refused`);
    });
  });
