import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  duration,
  either,
  integer,
  jsonText,
  listOf,
  oneOf,
  orWord,
  plainBytes,
  port,
  quantity,
  target,
  text,
  textMap,
  timesOf,
  type ValueKind,
  yesNo,
} from './value-kind.ts';

const cases: readonly (readonly [string, ValueKind<unknown>, readonly (readonly [unknown, unknown])[]])[] = [
  [
    'text',
    text(),
    [
      ['a', 'a'],
      [' a ', 'a'],
      [5, '5'],
      ['', undefined],
      [{}, undefined],
      ['x'.repeat(4097), undefined],
    ],
  ],
  [
    'a whole number',
    integer(1, 10),
    [
      ['1', 1],
      [10, 10],
      ['0', undefined],
      ['11', undefined],
      ['1.5', undefined],
      ['-1', undefined],
      ['1e1', undefined],
    ],
  ],
  [
    'a port',
    port,
    [
      ['0', 0],
      ['65535', 65_535],
      ['65536', undefined],
      ['http', undefined],
    ],
  ],
  [
    'bytes',
    quantity(1, 2 ** 31),
    [
      ['16Mi', 16_777_216],
      [1024, 1024],
      ['1k', 1000],
      ['0', undefined],
      ['4Gi', undefined],
      ['1MB', undefined],
    ],
  ],
  [
    'a duration',
    duration(1, 86_400_000),
    [
      ['1h30m', 5_400_000],
      ['500ms', 500],
      ['0s', undefined],
      ['25h', undefined],
      [30, undefined],
    ],
  ],
  [
    "ModelMesh's milliseconds",
    timesOf(1, 1, 100),
    [
      ['100', 100],
      ['1s', undefined],
      ['101', undefined],
    ],
  ],
  [
    "ModelMesh's seconds",
    timesOf(1000, 1, 100),
    [
      ['100', 100_000],
      ['0', undefined],
    ],
  ],
  [
    "ModelMesh's bytes",
    plainBytes(1, 100),
    [
      ['100', 100],
      ['1Ki', undefined],
    ],
  ],
  [
    'true or false',
    yesNo,
    [
      ['TRUE', true],
      [false, false],
      ['yes', undefined],
      [1, undefined],
    ],
  ],
  [
    'one of some words',
    oneOf('none', 'optional'),
    [
      ['NONE', 'none'],
      ['optional', 'optional'],
      ['no', undefined],
    ],
  ],
  [
    'a number or a word',
    orWord(port, 'none'),
    [
      ['None', null],
      [null, null],
      ['80', 80],
      ['nothing', undefined],
    ],
  ],
  [
    'either of two',
    either(oneOf('shared'), port),
    [
      ['shared', 'shared'],
      ['0', 0],
      ['x', undefined],
    ],
  ],
  [
    'a list',
    listOf(integer(0, 9)),
    [
      ['1, 2,,', [1, 2]],
      [[3], [3]],
      ['', []],
      ['1,x', undefined],
      [Array(1001).fill(1), undefined],
    ],
  ],
  [
    'a map',
    textMap('', false),
    [
      ['{"A":"b"}', new Map([['a', 'b']])],
      [{ A: 'b' }, new Map([['a', 'b']])],
      ['[]', undefined],
      [{ a: 1 }, undefined],
      ['{', undefined],
    ],
  ],
  [
    'JSON',
    jsonText,
    [
      ['{}', '{}'],
      [{ a: 1 }, '{"a":1}'],
      [[1], undefined],
      [1, undefined],
    ],
  ],
  [
    'an address',
    target,
    [
      ['unix:/tmp/s', { kind: 'unix', path: '/tmp/s' }],
      ['8085', { kind: 'tcp', host: 'localhost', port: 8085 }],
      ['10.0.0.1:80', { kind: 'tcp', host: '10.0.0.1', port: 80 }],
      ['[::1]:80', { kind: 'tcp', host: '::1', port: 80 }],
      ['unix:', undefined],
      ['host', undefined],
      ['host:0', undefined],
      ['host:65536', undefined],
      ['http://host:80', undefined],
    ],
  ],
];

describe('values of settings', () => {
  for (const [what, kind, examples] of cases) {
    it(`are read as ${what}, or refused`, () => {
      for (const [raw, value] of examples) assert.deepEqual(kind.parse(raw), value, JSON.stringify(raw));
    });
  }

  it('say what is expected', () => {
    for (const [, kind] of cases) assert.equal(typeof kind.expected, 'string');
    assert.equal(orWord(port, 'none').expected, 'a port from 0 to 65535, or none');
    assert.equal(either(oneOf('shared', 'none'), port).expected, 'one of shared, none, or a port from 0 to 65535');
  });
});
