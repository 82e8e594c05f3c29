import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HeaderBlock, HpackDecoder } from './index.ts';

const octets = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

const tooLong = (block: HeaderBlock): unknown =>
  block.kind === 'too-long'
    ? { limit: block.limit, names: block.fields.map(({ name }) => name), listBytes: block.listBytes }
    : block.kind;

const reasonOf = (block: HeaderBlock): string => (block.kind === 'compression-error' ? block.reason : block.kind);

/** Why a decoder that has read nothing yet cannot read a block. */
const refused = (hex: string): string => reasonOf(new HpackDecoder().decode(octets(hex)));

/** A field `a: <value>` written out plainly, to be put into the table or not. */
const literal = (first: '40' | '00' | '10', name: string, value: string): Buffer =>
  Buffer.concat([
    octets(first),
    Buffer.from([name.length]),
    Buffer.from(name, 'latin1'),
    Buffer.from([value.length]),
    Buffer.from(value, 'latin1'),
  ]);

describe('a block that cannot be decoded', () => {
  const cases: readonly (readonly [what: string, hex: string, reason: RegExp])[] = [
    ['index 0 (RFC 7541 §6.1)', '80', /no entry of the tables has index 0/],
    ['an index beyond both tables (§2.3.3)', 'be', /no entry of the tables has index 62/],
    ['a name with an index beyond both tables', '7f00 0161', /no entry of the tables has index 63/],
    ['an integer that is cut off', 'ff', /ends within an integer/],
    ['an integer of six octets more', 'ff 8080 8080 8001', /more than 5 octets/],
    ['an integer above 2^31 - 1', 'ff 8181 8181 08', /above 2\^31 - 1/],
    ['the largest integer of five octets more', 'ff ffff ffff 7f', /above 2\^31 - 1/],
    ['a literal without a name', '40', /ends where an integer is expected/],
    ['a literal without a value', '40 0161', /ends where an integer is expected/],
    ['a name longer than the block', '40 0561 6263', /goes beyond the end of the block/],
    ['a value longer than the block', '40 0161 7f ff03 61', /string of 638 octets goes beyond the end of the block/],
    ['EOS in a value (§5.2)', '40 0161 84 ffff ffff', /holds EOS/],
    ['EOS in a name', '40 84 ffff ffff 0161', /holds EOS/],
    ['padding of zeros (§5.2)', '40 0161 81 18', /up to seven ones/],
    ['padding of eight bits (§5.2)', '40 0161 82 1fff', /up to seven ones/],
    ['an update of the size after a field (§4.2)', '82 20', /updated after a field/],
    ['an update above the maximum (§6.3)', '3f e2 1f', /4097 bytes is above the maximum of 4096/],
  ];
  for (const [what, hex, reason] of cases) it(`for ${what}`, () => assert.match(refused(hex), reason));

  it('stays undecodable, as the tables of the two sides differ', () => {
    const decoder = new HpackDecoder();
    const first = decoder.decode(octets('80'));
    assert.deepEqual(decoder.decode(octets('82')), first);
  });
});

describe('the size of the table', () => {
  it('may change several times before the first field', () => {
    assert.equal(refused('20 3f e11f 82'), 'list');
  });

  it('must come down at the next block where our maximum did (RFC 7541 §4.2)', () => {
    const decoder = new HpackDecoder();
    decoder.setTableBytesMax(100);
    assert.match(reasonOf(decoder.decode(octets('82'))), /not shrunk to the maximum of 100/);
  });

  it('must come down to the smallest maximum since the last block before it goes up again', () => {
    const lowered = (): HpackDecoder => {
      const decoder = new HpackDecoder();
      decoder.setTableBytesMax(0);
      decoder.setTableBytesMax(4096);
      return decoder;
    };
    assert.match(reasonOf(lowered().decode(octets('3fe11f 82'))), /above the maximum of 0/);
    assert.equal(reasonOf(lowered().decode(octets('20 3fe11f 82'))), 'list');
  });

  it('needs no update where the other side uses less than our new maximum', () => {
    const decoder = new HpackDecoder();
    assert.equal(reasonOf(decoder.decode(octets('20'))), 'list');
    decoder.setTableBytesMax(100);
    assert.equal(reasonOf(decoder.decode(octets('82'))), 'list');
  });

  it('empties the table when it is 0', () => {
    const decoder = new HpackDecoder();
    decoder.decode(literal('40', 'a', 'b'));
    assert.equal(decoder.tableBytes, 34);
    decoder.decode(octets('20'));
    assert.equal(decoder.tableBytes, 0);
  });

  it('may be more than at first, with entries that stay', () => {
    const decoder = new HpackDecoder();
    decoder.setTableBytesMax(65_536);
    decoder.decode(literal('40', 'a', 'first'));
    decoder.decode(octets('3fe1ff03'));
    for (let index = 0; index < 1000; index += 1) decoder.decode(literal('40', 'b', `${index}`));
    const block = decoder.decode(octets('ffa707 be'));
    assert.equal(block.kind, 'list');
    assert.deepEqual(
      block.fields.map((field) => field.value),
      ['first', '999'],
    );
  });

  it('is emptied by a field that is larger, which is heard all the same (§4.4)', () => {
    const decoder = new HpackDecoder();
    decoder.setTableBytesMax(64);
    decoder.decode(Buffer.concat([octets('3f21'), literal('40', 'a', 'b')]));
    const block = decoder.decode(literal('40', 'a', 'c'.repeat(60)));
    assert.equal(block.kind === 'list' && block.fields[0]?.value.length, 60);
    assert.equal(decoder.tableBytes, 0);
  });
});

describe('a list that is too long', () => {
  it('is told by its size, and the table is right after it (RFC 9113 §4.3)', () => {
    const decoder = new HpackDecoder({ listBytesMax: 100 });
    const bomb = Buffer.concat([literal('40', 'a', 'b'.repeat(30)), octets('be be be'), literal('40', 'c', 'd')]);
    assert.deepEqual(tooLong(decoder.decode(bomb)), { limit: 'listBytesMax', names: ['a'], listBytes: 4 * 63 + 34 });
    const block = decoder.decode(octets('be'));
    assert.equal(block.kind === 'list' && block.fields[0]?.name, 'c');
  });

  it('is one of too many fields', () => {
    const decoder = new HpackDecoder({ fieldsMax: 2 });
    assert.equal(decoder.decode(octets('8282')).kind, 'list');
    assert.deepEqual(tooLong(decoder.decode(octets('828282'))), {
      limit: 'fieldsMax',
      names: [':method', ':method'],
      listBytes: 3 * 42,
    });
  });
});

describe('a block that comes again', () => {
  const again = (decoder: HpackDecoder, block: Buffer) => {
    const lists = [1, 2, 3, 4].map(() => decoder.decode(Buffer.from(block)));
    return { second: lists[1], third: lists[2], fourth: lists[3] };
  };

  it('is the same list', () => {
    const { second, third, fourth } = again(new HpackDecoder(), octets('828684'));
    assert.deepEqual(third, second);
    assert.equal(fourth, third);
  });

  it('says something else once the table has changed', () => {
    const decoder = new HpackDecoder();
    decoder.decode(literal('40', 'a', 'first'));
    again(decoder, octets('be'));
    decoder.decode(literal('40', 'b', 'second'));
    const list = decoder.decode(octets('be'));
    assert.equal(list.kind === 'list' && list.fields[0]?.value, 'second');
    again(decoder, octets('be'));
    decoder.decode(octets('20'));
    assert.equal(decoder.decode(octets('be')).kind, 'compression-error');
  });

  it('is read where it should have begun with an update of the size', () => {
    const decoder = new HpackDecoder();
    again(decoder, octets('82'));
    decoder.setTableBytesMax(0);
    assert.equal(decoder.decode(octets('82')).kind, 'compression-error');
  });

  it('is read after an error', () => {
    const decoder = new HpackDecoder();
    again(decoder, octets('82'));
    decoder.decode(octets('80'));
    assert.equal(decoder.decode(octets('82')).kind, 'compression-error');
  });

  it('is read anew where it holds a secret or is long', () => {
    for (const block of [literal('10', 'a', 'b'), literal('00', 'authorization', 'b'), literal('00', 'a', 'b'.repeat(90))]) {
      const { third, fourth } = again(new HpackDecoder(), block);
      assert.equal(fourth?.kind, 'list');
      assert.notEqual(fourth, third);
    }
  });
});

describe('a field', () => {
  const read = (block: Buffer) => {
    const decoded = new HpackDecoder().decode(block);
    assert.equal(decoded.kind, 'list');
    return decoded.fields[0];
  };

  for (const name of ['Upper', 'with space', '', ':', ':a:', 'tab\t', 'high\xff', 'nul\0'])
    it(`with the name ${JSON.stringify(name)} makes its message malformed (RFC 9113 §8.2.1)`, () =>
      assert.equal(read(literal('00', name, 'x'))?.malformed, 'bad-name'));

  for (const value of [' a', 'a ', '\ta', 'a\t', ' ', 'a\0b', 'a\rb', 'a\nb'])
    it(`with the value ${JSON.stringify(value)} makes its message malformed (RFC 9113 §8.2.1)`, () =>
      assert.equal(read(literal('00', 'a', value))?.malformed, 'bad-value'));

  for (const [name, value] of [
    [':path', ''],
    ['a', 'b c\td'],
    ["!#$%&'*+-.^_`|~0", '\x01\x7f\xff'],
  ] as const)
    it(`${JSON.stringify(name)}: ${JSON.stringify(value)} is well formed`, () => {
      const field = read(literal('00', name, value));
      assert.equal(field?.malformed, undefined);
      assert.equal(field?.value, value);
    });

  for (const name of ['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-authorization'])
    it(`named ${name} is sensitive however it came`, () => assert.equal(read(literal('40', name, 'x'))?.sensitive, true));

  it('is the same object each time its entry is named', () => {
    const decoder = new HpackDecoder();
    const first = decoder.decode(literal('40', 'a', 'b'));
    const second = decoder.decode(octets('be'));
    assert.ok(first.kind === 'list' && second.kind === 'list');
    assert.equal(second.fields[0], first.fields[0]);
  });

  it('holds nothing of the buffer that was read', () => {
    const read = Buffer.alloc(65_536);
    const block = Buffer.concat([literal('40', 'first', 'b'.repeat(20)), literal('00', 'second', 'c'.repeat(120))]);
    block.copy(read);
    const decoded = new HpackDecoder().decode(read, 0, block.length);
    read.fill(0xdb);
    assert.equal(decoded.kind, 'list');
    assert.deepEqual(
      decoded.fields.map(({ name, value, octets }) => [name, value[0], value.length, octets.buffer.byteLength <= 4096]),
      [
        ['first', 'b', 20, true],
        ['second', 'c', 120, true],
      ],
    );
  });

  it('of the table holds back hardly more than the table counts, whatever else was in its block', () => {
    const decoder = new HpackDecoder();
    for (let index = 0; index < 500; index += 1) {
      const passing = literal('00', 'passing', 'p'.repeat(120));
      decoder.decode(Buffer.concat([literal('40', 'a', `${index % 10}`), ...new Array(10).fill(passing)]));
    }
    const entries = decoder.decode(Buffer.from(Array.from({ length: 65 }, (_, index) => 0xbe + index)));
    assert.equal(entries.kind, 'list');
    const held = new Set(entries.fields.map(({ octets }) => octets.buffer));
    assert.ok([...held].reduce((sum, { byteLength }) => sum + byteLength, 0) <= 2 * 4096);
  });
});
