import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import { extractString, type FieldPath, fieldPath, type Injection, inject, StringExtractor } from './index.ts';
import { joined, outerBytes, outerMessage, split } from './testing/messages.ts';

const OUTER = outerMessage();
const paths = fc.constantFrom(fieldPath([1]), fieldPath([2, 1]), fieldPath([2, 2, 1]));
const removals = fc.constantFrom(
  [],
  [fieldPath([3])],
  [fieldPath([2, 3])],
  [fieldPath([3]), fieldPath([2, 2, 3]), fieldPath([5])],
);
const values = fc.constantFrom('', 'a', 'é', 'a-much-longer-model-id-than-any-that-was-there@3', 'x'.repeat(200));
const places = fc.array(fc.nat(400), { maxLength: 6 });
const injections: fc.Arbitrary<Injection> = fc.record(
  { path: paths, value: values, remove: removals },
  { noNullPrototype: true },
);

/** Field 5 is unknown to the schema: where it is to be removed the oracle drops it by hand. */
function withoutUnknownFive(message: Message): void {
  message.$unknown = (message.$unknown ?? []).filter((field) => field.no !== 5);
}

/** Decode, edit, encode: slow, and obviously right. */
function oracle(bytes: Uint8Array, { path, value, remove = [] }: Injection): Uint8Array {
  const message = fromBinary(OUTER, bytes);
  const edit = (root: DescMessage, target: Message, steps: readonly number[], text: string | undefined): void => {
    const [number, ...rest] = steps;
    const view = reflect(root, target);
    const field = root.fields.find((candidate) => candidate.number === number);
    if (field === undefined) {
      withoutUnknownFive(target);
      return;
    }
    if (field.message === undefined || rest.length === 0) {
      if (text === undefined) view.clear(field);
      else view.set(field, text);
      return;
    }
    if (!view.isSet(field) && text === undefined) return;
    if (!view.isSet(field)) view.set(field, reflect(field.message));
    const child = view.get(field) as { message: Message };
    edit(field.message, child.message, rest, text);
  };
  for (const other of remove) edit(OUTER, message, other, undefined);
  edit(OUTER, message, path, value);
  return toBinary(OUTER, message);
}

/** Extraction on whole bytes by the words of the specification. */
function naiveExtract(bytes: Uint8Array, path: readonly number[]): string | null {
  const view = Buffer.from(bytes);
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = view[at++] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < view.length) {
    const tag = number();
    const type = tag % 8;
    if (type === 0) number();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else {
      const length = number();
      const body = view.subarray(at, at + length);
      if (Math.floor(tag / 8) === path[0]) return path.length === 1 ? body.toString('utf8') : naiveExtract(body, path.slice(1));
      at += length;
    }
  }
  return null;
}

/** What an attempt came to, so that two can be compared. */
function outcome<T>(run: () => T): { value: T } | { refused: string } {
  try {
    return { value: run() };
  } catch (error) {
    assert.ok(error instanceof MeshError, `not a MeshError: ${error}`);
    assert.equal(error.kind, 'invalid-argument');
    assert.match(error.message, /^malformed message at byte \d+: /);
    return { refused: error.message };
  }
}

/** Pushes the pieces one by one, whatever the extractor says. */
function pushAll(chunks: readonly Uint8Array[], path: FieldPath): string | null {
  const extractor = new StringExtractor(path);
  for (const chunk of chunks) extractor.push(chunk);
  return extractor.end();
}

describe('laws of splicing', () => {
  it('injection agrees with decoding, editing and encoding, at any split', () => {
    fc.assert(
      fc.property(outerBytes, injections, places, (bytes, injection, cuts) => {
        const out = joined(inject(split(bytes, cuts), injection));
        assert.deepEqual(toBinary(OUTER, fromBinary(OUTER, out)), oracle(bytes, injection));
      }),
      { numRuns: 400 },
    );
  });

  it('injection at any split gives equal bytes', () => {
    fc.assert(
      fc.property(outerBytes, injections, places, (bytes, injection, cuts) => {
        assert.deepEqual(joined(inject(split(bytes, cuts), injection)), joined(inject([bytes], injection)));
      }),
      { numRuns: 300 },
    );
  });

  it('injection twice is injection once, and the second gives back its chunks', () => {
    fc.assert(
      fc.property(outerBytes, injections, (bytes, injection) => {
        const once = inject([bytes], injection);
        assert.equal(inject(once, injection), once);
      }),
    );
  });

  it('what was injected is what is extracted', () => {
    fc.assert(
      fc.property(outerBytes, injections, (bytes, injection) => {
        assert.equal(extractString(inject([bytes], injection), injection.path), injection.value);
      }),
    );
  });

  it('extraction agrees with the words of the specification', () => {
    fc.assert(
      fc.property(outerBytes, paths, places, (bytes, path, cuts) => {
        assert.equal(pushAll(split(bytes, cuts), path), naiveExtract(bytes, path));
      }),
      { numRuns: 400 },
    );
  });

  it('extraction gives the same at every split in two, and byte by byte', () => {
    fc.assert(
      fc.property(outerBytes, paths, (bytes, path) => {
        const whole = extractString([bytes], path);
        for (let cut = 0; cut <= bytes.length; cut++) {
          assert.equal(pushAll([bytes.subarray(0, cut), bytes.subarray(cut)], path), whole);
        }
        assert.equal(
          pushAll(
            [...bytes].map((byte) => Uint8Array.of(byte)),
            path,
          ),
          whole,
        );
      }),
      { numRuns: 60 },
    );
  });

  it('bytes that are no message are refused with their offset and nothing else, the same at any split', () => {
    const broken = fc
      .oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc
          .tuple(
            outerBytes.filter((bytes) => bytes.length > 0),
            fc.nat(300),
            fc.nat(255),
          )
          .map(([bytes, at, byte]) => bytes.with(at % bytes.length, byte)),
        fc.tuple(outerBytes, fc.nat(300)).map(([bytes, length]) => bytes.subarray(0, length)),
      )
      .filter((bytes) => bytes.length > 0);
    fc.assert(
      fc.property(broken, injections, places, (bytes, injection, cuts) => {
        const { path } = injection;
        const chunks = split(bytes, cuts);
        assert.deepEqual(
          outcome(() => pushAll(chunks, path)),
          outcome(() => pushAll([bytes], path)),
        );
        assert.deepEqual(
          outcome(() => joined(inject(chunks, injection))),
          outcome(() => joined(inject([bytes], injection))),
        );
      }),
      { numRuns: 500 },
    );
  });
});
