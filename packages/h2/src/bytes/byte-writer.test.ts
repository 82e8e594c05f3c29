import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from './index.ts';

type Write =
  | { readonly kind: 'u8' | 'u16' | 'u24' | 'u32'; readonly value: number }
  | { readonly kind: 'raw'; readonly bytes: Uint8Array };
type Step = Write | { readonly kind: 'take' };

const WIDTH = { u8: 1, u16: 2, u24: 3, u32: 4 } as const;

const number = (kind: keyof typeof WIDTH) =>
  fc.record({ kind: fc.constant(kind), value: fc.nat({ max: 2 ** (8 * WIDTH[kind]) - 1 }) });
const raw = fc.record({ kind: fc.constant('raw' as const), bytes: fc.uint8Array({ maxLength: 200 }) });
const take = fc.constant({ kind: 'take' } as const);
const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(number('u8'), number('u16'), number('u24'), number('u32'), raw, take), {
  maxLength: 60,
});

function write(writer: ByteWriter, step: Write): void {
  if (step.kind === 'raw') writer.raw(step.bytes);
  else writer[step.kind](step.value);
}

/** The same in the slowest way. */
const expected = (step: Write): number[] =>
  step.kind === 'raw'
    ? [...step.bytes]
    : Array.from(
        { length: WIDTH[step.kind] },
        (_, index) => Math.floor(step.value / 256 ** (WIDTH[step.kind] - 1 - index)) % 256,
      );

test('what is taken is what was written, whatever is written after it, in chunks of any size', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 300 }), (all, chunkBytes) => {
      const writer = new ByteWriter(chunkBytes);
      const taken: Buffer[] = [];
      const wanted: number[][] = [[]];
      for (const step of all) {
        if (step.kind === 'take') {
          taken.push(writer.take());
          wanted.push([]);
        } else {
          write(writer, step);
          wanted.at(-1)?.push(...expected(step));
          assert.equal(writer.length, wanted.at(-1)?.length);
        }
      }
      taken.push(writer.take());
      assert.deepEqual(
        taken.map((bytes) => [...bytes]),
        wanted,
      );
    }),
  );
});

test('a part of bytes is written alone, short or long', () => {
  const source = Uint8Array.from({ length: 200 }, (_, index) => index);
  const writer = new ByteWriter();
  writer.raw(source, 3, 5);
  writer.raw(source, 10, 190);
  assert.deepEqual([...writer.take()], [3, 4, ...source.subarray(10, 190)]);
});

test('a length is put where room was left for it, counted from the last take', () => {
  const writer = new ByteWriter(4);
  writer.u16(0xffff);
  writer.take();
  writer.u24(0);
  writer.raw(new Uint8Array(40).fill(7));
  writer.putU24(0, 0x010203);
  assert.deepEqual([...writer.take().subarray(0, 5)], [1, 2, 3, 7, 7]);
});

test('nothing is put where nothing is written', () => {
  const writer = new ByteWriter();
  writer.u24(1);
  assert.throws(() => writer.putU24(1, 1), RangeError);
  assert.throws(() => writer.putU24(-1, 1), RangeError);
});
