import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import type { PayloadField, PayloadType } from '@modelmesh/core/records';
import { type PayloadValue, parseJsonPath } from '@modelmesh/core/traffic';
import fc from 'fast-check';
import { encodeInferRequest, type JsonValue, type ParameterValue, parseJson, WireReader } from '../oip/index.ts';
import { type PayloadForm, PayloadPlan } from './index.ts';

const SEED = 20261201;
const TYPES: readonly PayloadType[] = ['string', 'int', 'double', 'bool'];

const field = (name: string, fields: Partial<PayloadField>): PayloadField => ({
  name,
  type: 'string',
  json: null,
  parameter: null,
  proto: null,
  ...fields,
});

/** What a finder finds, and whether it ended at its limit. */
function found(fields: readonly PayloadField[], form: PayloadForm, chunks: readonly Uint8Array[], bytesMax?: number): unknown {
  const finder = new PayloadPlan(fields, bytesMax).finder(form);
  if (finder === null) return { values: {}, truncated: false };
  for (const chunk of chunks) finder.push(chunk);
  finder.end();
  return { values: Object.fromEntries(finder.values), truncated: finder.truncated };
}

const byteByByte = (bytes: Uint8Array): Uint8Array[] => [...bytes].map((byte) => Uint8Array.of(byte));
/** `bytes` cut at the given places, taken modulo the length. */
function split(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const cuts = [...at.map((place) => place % (bytes.length + 1)), bytes.length].sort((one, other) => one - other);
  return cuts.map((cut, index) => bytes.slice(cuts[index - 1] ?? 0, cut));
}

const places = fc.array(fc.nat(2000), { maxLength: 6 });

/** Holds for the whole, and so for every split in two, for bytes one by one and for splits that chance makes. */
function sameAtEverySplit(
  fields: readonly PayloadField[],
  form: PayloadForm,
  bytes: Uint8Array,
  cuts: readonly number[],
  limit?: number,
): unknown {
  const whole = found(fields, form, [bytes], limit);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assert.deepEqual(found(fields, form, [bytes.subarray(0, cut), bytes.subarray(cut)], limit), whole, `cut at ${cut}`);
  }
  assert.deepEqual(found(fields, form, byteByByte(bytes), limit), whole, 'byte by byte');
  assert.deepEqual(found(fields, form, split(bytes, cuts), limit), whole, `cut at ${cuts}`);
  return whole;
}

// —— JSON ——

const key = fc.constantFrom('a', 'a', 'é', 'x"\\y');
const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', '{', ']', ',', 'é', '🜚', '\n'), maxLength: 6 });
const scalar = fc.oneof(
  text.map((value) => JSON.stringify(value)),
  fc.constantFrom(
    '"\\u00e9\\/"',
    '1',
    '-7',
    '1.0',
    '1e2',
    '1.5',
    '-0',
    '9223372036854775807',
    '9223372036854775808',
    'true',
    'false',
    'null',
  ),
);
const space = fc.constantFrom('', '', ' ', '\n\t ');
const members = (value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.uniqueArray(fc.tuple(key, value, space), { maxLength: 4, selector: ([name]) => name }), space)
    .map(
      ([entries, gap]) =>
        `{${gap}${entries.map(([name, one, more]) => `${JSON.stringify(name)}${more}:${gap}${one}${more}`).join(`,${gap}`)}}`,
    );
const json = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    members(tie('value')),
    fc.tuple(fc.array(tie('value'), { maxLength: 3 }), space).map(([elements, gap]) => `[${gap}${elements.join(`${gap},`)}]`),
  ),
})).value;
const documents = members(json);

const jsonPath = fc.tuple(key, fc.array(fc.oneof(key, fc.nat(1)), { maxLength: 2 })).map((steps) =>
  steps
    .flat()
    .map((step) => (typeof step === 'number' ? `[${step}]` : `[${JSON.stringify(step)}]`))
    .join(''),
);
const jsonFields = fc
  .array(fc.tuple(jsonPath, fc.constantFrom(...TYPES)), { minLength: 4, maxLength: 12 })
  .map((all) => all.map(([path, type], at) => field(`f${at}`, { type, json: path })));

/** Reads the whole document and walks down. */
function decodedJson(bytes: Uint8Array, { json: path, type }: PayloadField): PayloadValue | undefined {
  let value: JsonValue | undefined = parseJson(bytes);
  for (const step of parseJsonPath(path ?? '') ?? []) {
    if (value instanceof Map) value = typeof step === 'string' ? value.get(step) : undefined;
    else if (Array.isArray(value)) value = typeof step === 'number' ? value[step] : undefined;
    else return undefined;
  }
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'bool':
      return typeof value === 'boolean' ? value : undefined;
    case 'double':
      return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
    case 'int': {
      const integer = typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
      return typeof integer === 'bigint' && BigInt.asIntN(64, integer) === integer ? integer : undefined;
    }
  }
}

const valuesOf = (fields: readonly PayloadField[], read: (field: PayloadField) => PayloadValue | undefined): unknown =>
  Object.fromEntries(fields.map((one) => [one.name, read(one)]).filter(([, value]) => value !== undefined));

describe('laws of payload fields in JSON', () => {
  it('what is found is what reading the whole finds, at every split', () => {
    let hits = 0;
    fc.assert(
      fc.property(documents, jsonFields, places, (document, fields, cuts) => {
        const bytes = new TextEncoder().encode(document);
        const expected = valuesOf(fields, (one) => decodedJson(bytes, one));
        if (Object.keys(expected as object).length > 0) hits++;
        assert.deepEqual(sameAtEverySplit(fields, 'json', bytes, cuts), { values: expected, truncated: false }, document);
      }),
      { seed: SEED, numRuns: 700 },
    );
    assert.ok(hits > 70, `only ${hits} documents held a field`);
  });

  it('what is no JSON, or beyond the limit, is the same at every split and never thrown', () => {
    const broken = fc.oneof(
      fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"a"', ':', ',', '1', '"', '\\', ' '), maxLength: 30 }),
      fc.tuple(documents, fc.nat(200), fc.constantFrom('{', '"', ',', ']', '\\')).map(([document, at, mark]) => {
        const place = at % document.length;
        return document.slice(0, place) + mark + document.slice(place + 1);
      }),
    );
    fc.assert(
      fc.property(broken, jsonFields, places, fc.nat(60), (document, fields, cuts, limit) => {
        sameAtEverySplit(fields, 'json', new TextEncoder().encode(document), cuts, limit);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

// —— Messages ——

const lengthDelimited = (number: number, content: ArrayLike<number>): number[] => [
  number * 8 + 2,
  ...varint64(BigInt(content.length)),
  ...Array.from(content),
];

const body = fc.oneof(
  fc
    .string({ unit: fc.constantFrom('a', 'é', '🜚'), maxLength: 5 })
    .map((value) => lengthDelimited(1, new TextEncoder().encode(value))),
  fc.uint8Array({ maxLength: 3 }).map((bytes) => lengthDelimited(1, bytes)),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((value) => [8, ...varint64(value)]),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => [9, ...bytes]),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => [13, ...bytes]),
);
const renumbered = (bytes: readonly number[], number: number): number[] => [
  ((number << 3) | ((bytes[0] ?? 0) & 7)) & 0xff,
  ...bytes.slice(1),
];
const plain = fc.tuple(body, fc.constantFrom(1, 3, 4)).map(([bytes, number]) => ({ number, bytes: renumbered(bytes, number) }));

function varint64(value: bigint): number[] {
  const low = value & 0x7fn;
  return value > 0x7fn ? [Number(low) | 0x80, ...varint64(value >> 7n)] : [Number(low)];
}

interface Part {
  readonly number: number;
  readonly bytes: readonly number[];
}

const parts = (depth: number): fc.Arbitrary<readonly Part[]> =>
  fc.array(
    depth === 0
      ? plain
      : fc.oneof(
          plain,
          parts(depth - 1).map((inner) => ({
            number: 2,
            bytes: lengthDelimited(
              2,
              inner.flatMap(({ bytes }) => [...bytes]),
            ),
          })),
        ),
    { maxLength: 5 },
  );
const bytesOf = (all: readonly Part[]): Uint8Array => Uint8Array.from(all.flatMap(({ bytes }) => [...bytes]));
const ordered = parts(2).map((all) => bytesOf(all.toSorted((one, other) => one.number - other.number)));

const protoFields = fc
  .array(fc.tuple(fc.constantFrom([1], [3], [4], [2, 1], [2, 3], [2, 2, 1], [2, 2, 3]), fc.constantFrom(...TYPES)), {
    minLength: 1,
    maxLength: 5,
  })
  .map((all) => all.map(([proto, type], at) => field(`f${at}`, { type, proto })));

/** Reads the first place of a path in a whole message; `null`: there is none. */
function decodedMessage(
  bytes: Uint8Array,
  path: readonly number[],
  type: PayloadType,
): { readonly value: PayloadValue | undefined } | null {
  const reader = new WireReader(bytes, 'invalid-argument');
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    const inner = number === path[0] && path.length > 1 && reader.wireType === 2;
    if (inner) {
      const deeper = decodedMessage(reader.slice(), path.slice(1), type);
      if (deeper !== null) return deeper;
    } else if (number === path[0] && path.length === 1) return { value: decodedField(reader, type) };
    else reader.skip();
  }
  return null;
}

function decodedField(reader: WireReader, type: PayloadType): PayloadValue | undefined {
  const at = new DataView(reader.bytes.buffer, reader.bytes.byteOffset + reader.pos);
  switch (reader.wireType) {
    case 0: {
      const value = reader.int64();
      return type === 'bool' ? value !== 0n : type === 'int' ? value : undefined;
    }
    case 1:
      return type === 'double' ? at.getFloat64(0, true) : type === 'int' ? at.getBigInt64(0, true) : undefined;
    case 5:
      return type === 'double' ? at.getFloat32(0, true) : type === 'int' ? BigInt(at.getInt32(0, true)) : undefined;
    default: {
      const content = Buffer.from(reader.slice());
      const value = content.toString('utf8');
      return type === 'string' && Buffer.from(value).equals(content) ? value : undefined;
    }
  }
}

describe('laws of payload fields in messages', () => {
  it('what is found is what reading the whole finds, at every split', () => {
    let hits = 0;
    fc.assert(
      fc.property(ordered, protoFields, places, (bytes, fields, cuts) => {
        const expected = valuesOf(fields, ({ proto, type }) => decodedMessage(bytes, proto ?? [], type)?.value);
        if (Object.keys(expected as object).length > 0) hits++;
        assert.deepEqual(sameAtEverySplit(fields, 'message', bytes, cuts), { values: expected, truncated: false });
      }),
      { seed: SEED, numRuns: 700 },
    );
    assert.ok(hits > 100, `only ${hits} messages held a field`);
  });

  it('what is no message, out of order, or beyond the limit, is the same at every split and never thrown', () => {
    const broken = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      parts(2).map(bytesOf),
      fc
        .tuple(
          ordered.filter((bytes) => bytes.length > 0),
          fc.nat(300),
          fc.nat(255),
        )
        .map(([bytes, at, byte]) => bytes.with(at % bytes.length, byte)),
    );
    fc.assert(
      fc.property(broken, protoFields, places, fc.nat(80), (bytes, fields, cuts, limit) => {
        sameAtEverySplit(fields, 'message', bytes, cuts, limit);
      }),
      { seed: SEED, numRuns: 700 },
    );
  });
});

const parameterValue: fc.Arbitrary<ParameterValue> = fc.oneof(
  fc.boolean(),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 7n, (1n << 53n) + 1n),
  fc.double(),
  fc.string({ maxLength: 5 }),
  fc.constant(null),
);

function asType(value: PayloadValue | undefined, type: PayloadType): PayloadValue | undefined {
  const typeOf = { string: 'string', bool: 'boolean', double: 'number', int: 'bigint' }[type];
  if (type === 'double' && typeof value === 'bigint' && BigInt(Number(value)) === value) return Number(value);
  if (type === 'int' && typeof value === 'bigint' && BigInt.asIntN(64, value) !== value) return undefined;
  return typeof value === typeOf ? value : undefined;
}

describe('laws of request parameters', () => {
  it('what is found is what was written, at every split', () => {
    const request = fc.tuple(
      fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'country', 'c'), parameterValue), {
        selector: ([name]) => name,
        maxLength: 4,
      }),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(request, fc.constantFrom(...TYPES), places, ([parameters, id], type, cuts) => {
        const message = encodeInferRequest({
          modelName: 'm',
          modelVersion: '',
          id,
          parameters: new Map(parameters),
          inputs: [],
          outputs: [],
        });
        const bytes = Uint8Array.from(Buffer.concat(message));
        const fields = ['a', 'b', 'country'].map((name) => field(name, { type, parameter: name }));
        const given = new Map<string, ParameterValue>(parameters);
        const expected = valuesOf(fields, ({ name }) => asType(given.get(name) ?? undefined, type));
        assert.deepEqual(sameAtEverySplit(fields, 'inference', bytes, cuts), { values: expected, truncated: false });
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});
