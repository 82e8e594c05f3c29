import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from '../bytes/index.ts';
import { type Field, field, HpackDecoder, HpackEncoder, type SentList } from './index.ts';

const octet = fc.nat({ max: 0xff }).map((code) => String.fromCharCode(code));
const anyText = fc.string({ unit: octet, maxLength: 40 });
const names = ['content-type', ':path', ':status', 'user-agent', 'x-request-id', 'authorization', 'accept', 'x-a', 'x-b', 'x-c'];
const values = [
  '',
  '/',
  '200',
  'application/grpc',
  'gzip, deflate',
  'a',
  'b',
  'a longer value that is in Huffman code, as most are',
  'x'.repeat(300),
];

const anyField = fc
  .record({
    name: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...names) }, anyText),
    value: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...values) }, anyText),
    sensitive: fc.boolean(),
  })
  .map(({ name, value, sensitive }) => field(name, value, { sensitive: sensitive && value.length % 2 === 0 }));

/** A block is sent, or the receiver's setting of the table changes. */
type Step =
  | { readonly kind: 'block'; readonly fields: readonly Field[] }
  | { readonly kind: 'setting'; readonly tableBytesMax: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.array(anyField, { maxLength: 12 }).map((fields) => ({ kind: 'block' as const, fields })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(0, 33, 100, 500, 4096, 10_000)
      .map((tableBytesMax) => ({ kind: 'setting' as const, tableBytesMax })),
  },
);

const plain = (fields: readonly Field[]) =>
  fields.map(({ name, value, sensitive, malformed }) => ({ name, value, sensitive, malformed }));

const listBytesOf = (fields: readonly Field[]) =>
  fields.reduce((sum, { name, value }) => sum + name.length + value.length + 32, 0);

test('what is encoded is decoded, over many blocks and changes of the table, and again behind a proxy', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(0, 200, 4096, 8192), (steps, ourBytesMax) => {
      const first = { encoder: new HpackEncoder(ourBytesMax), decoder: new HpackDecoder() };
      const second = { encoder: new HpackEncoder(), decoder: new HpackDecoder() };
      const writer = new ByteWriter(256);
      for (const one of steps) {
        if (one.kind === 'setting') {
          first.decoder.setTableBytesMax(one.tableBytesMax);
          first.encoder.setPeerTableBytesMax(one.tableBytesMax);
          continue;
        }
        first.encoder.encode(one.fields, writer);
        const bytes = writer.take();
        const came = first.decoder.decode(bytes);
        assert.ok(came.kind === 'list', came.kind);
        bytes.fill(0xdb);
        assert.equal(came.listBytes, listBytesOf(one.fields));
        second.encoder.encode(came.fields, writer);
        const passed = second.decoder.decode(writer.take());
        assert.ok(passed.kind === 'list', passed.kind);
        assert.deepEqual(plain(passed.fields), plain(one.fields));
        assert.deepEqual(plain(came.fields), plain(one.fields));
      }
    }),
    { numRuns: 300 },
  );
});

/** Octets as blocks have them more often than chance: indices, literals, lengths, updates. */
const likely = fc.oneof(
  { weight: 2, arbitrary: fc.nat({ max: 0xff }) },
  { weight: 2, arbitrary: fc.constantFrom(0x82, 0xbe, 0xbf, 0xc0, 0xff) },
  { weight: 2, arbitrary: fc.constantFrom(0x40, 0x00, 0x10, 0x41, 0x04, 0x20, 0x3f) },
  { weight: 3, arbitrary: fc.nat({ max: 5 }) },
  { weight: 1, arbitrary: fc.nat({ max: 5 }).map((length) => 0x80 | length) },
);

test('a decoder never throws, and stays below its limits, whatever comes', () => {
  const limits = { listBytesMax: 300, fieldsMax: 6 };
  fc.assert(
    fc.property(
      fc.array(fc.array(likely, { maxLength: 40 }), { maxLength: 8 }),
      fc.constantFrom(0, 64, 4096),
      (blocks, tableBytesMax) => {
        const decoder = new HpackDecoder(limits);
        decoder.setTableBytesMax(tableBytesMax);
        let reads = true;
        for (const block of [[0x20, 0x3f, 0x21].slice(0, tableBytesMax === 64 ? 3 : 1), ...blocks]) {
          const decoded = decoder.decode(Uint8Array.from(block));
          assert.ok(decoder.tableBytes <= tableBytesMax);
          if (!reads) assert.equal(decoded.kind, 'compression-error');
          if (decoded.kind === 'compression-error') reads = false;
          if (decoded.kind === 'too-long') assert.ok(decoded.limit === 'fieldsMax' || decoded.listBytes > limits.listBytesMax);
          if (decoded.kind !== 'list') continue;
          assert.ok(decoded.fields.length <= limits.fieldsMax && decoded.listBytes <= limits.listBytesMax);
          assert.equal(decoded.listBytes, listBytesOf(decoded.fields));
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test('a decoder that remembers blocks and one that does not agree, whatever comes', () => {
  const block = fc.array(likely, { maxLength: 6 });
  const sequence = fc
    .tuple(fc.array(block, { minLength: 1, maxLength: 4 }), fc.array(fc.nat({ max: 3 }), { maxLength: 40 }))
    .map(([blocks, order]) => order.flatMap((index) => [blocks[index % blocks.length] ?? []]));
  const indices = fc.constantFrom(
    [0x40, 1, 0x61, 1, 0x62],
    [0x44, 1, 0x63],
    [0xbe],
    [0xbf, 0xbe],
    [0x82, 0xbe],
    [0x20],
    [0x3f, 0xe1, 0x1f],
  );
  const sensible = fc.array(indices, { maxLength: 60 });
  fc.assert(
    fc.property(fc.oneof(sequence, sensible), (blocks) => {
      const remembers = new HpackDecoder();
      const forgets = new HpackDecoder({ cachedBlockBytesMax: 0 });
      for (const octets of blocks.map((bytes) => Uint8Array.from(bytes))) {
        const [one, other] = [remembers.decode(octets), forgets.decode(octets)];
        const said = (block: typeof one) => (block.kind === 'list' ? { ...block, fields: plain(block.fields) } : block);
        assert.deepEqual(said(one), said(other));
      }
    }),
    { numRuns: 2000 },
  );
});

test('a list that comes again is decoded as the first time, whatever stood between and whichever encoder wrote it last', () => {
  const pool = fc.array(fc.array(anyField, { maxLength: 6 }), { minLength: 1, maxLength: 4 });
  const use = fc.record({
    list: fc.nat({ max: 3 }),
    way: fc.nat({ max: 1 }),
    tableBytesMax: fc.option(fc.constantFrom(0, 200, 4096), { freq: 8 }),
  });
  fc.assert(
    fc.property(pool, fc.array(use, { maxLength: 60 }), (lists, uses) => {
      const sent: readonly SentList[] = lists.map((fields) => ({ fields, written: undefined }));
      const ways = [0, 1].map(() => ({ encoder: new HpackEncoder(), decoder: new HpackDecoder() }));
      const writer = new ByteWriter(256);
      for (const { list, way, tableBytesMax } of uses) {
        const { encoder, decoder } = ways[way] ?? assert.fail();
        if (tableBytesMax !== null) {
          decoder.setTableBytesMax(tableBytesMax);
          encoder.setPeerTableBytesMax(tableBytesMax);
        }
        const one = sent[list % sent.length] ?? assert.fail();
        encoder.write(one, writer);
        const bytes = writer.take();
        const came = decoder.decode(bytes);
        assert.ok(came.kind === 'list', came.kind);
        assert.deepEqual(plain(came.fields), plain(one.fields));
        // What was written is its taker's: nothing that is kept may lie in it.
        bytes.fill(0xdb);
      }
    }),
  );
});
