import { create, createFileRegistry, type DescMessage } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';

const { STRING, MESSAGE, BYTES, SFIXED64 } = FieldDescriptorProto_Type;

const node = (name: string, child: string | undefined) => ({
  name,
  field: [
    { name: 'id', number: 1, type: STRING },
    ...(child === undefined ? [] : [{ name: 'child', number: 2, type: MESSAGE, typeName: `.splice.${child}` }]),
    { name: 'version', number: 3, type: STRING },
    { name: 'rest', number: 4, type: BYTES },
    { name: 'stamp', number: 900, type: SFIXED64 },
  ].map((field) => ({ ...field, label: FieldDescriptorProto_Label.OPTIONAL, jsonName: field.name })),
});

/** Three messages within one another, `Outer.child: Middle`, `Middle.child: Inner`, each with `id` 1, `version` 3 and other fields. */
export function outerMessage(): DescMessage {
  const file = create(FileDescriptorProtoSchema, {
    name: 'splice.proto',
    package: 'splice',
    syntax: 'proto3',
    messageType: [node('Outer', 'Middle'), node('Middle', 'Inner'), node('Inner', undefined)],
  });
  const outer = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getMessage('splice.Outer');
  if (outer === undefined) throw new Error('the schema has no Outer');
  return outer;
}

/** A varint, with `padding` bytes more than it needs. */
export function varint(value: number, padding = 0): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  if (padding === 0) return [...out, rest];
  return [...out, rest | 128, ...Array<number>(padding - 1).fill(128), 0];
}

/** A length-delimited field. */
export const lengthDelimited = (number: number, body: ArrayLike<number>, padding = 0): number[] => [
  ...varint(number * 8 + 2),
  ...varint(body.length, padding),
  ...Array.from(body),
];

const text = fc
  .string({ unit: fc.constantFrom('a', 'b', 'é', '🜚'), maxLength: 5 })
  .map((value) => [...new TextEncoder().encode(value)]);
const otherNumber = fc.constantFrom(5, 6, 16, 2047, 2 ** 29 - 1);

const plainField: fc.Arbitrary<number[]> = fc.oneof(
  fc.tuple(fc.constantFrom(1, 1, 3), text, fc.nat(2)).map(([number, body, padding]) => lengthDelimited(number, body, padding)),
  fc.uint8Array({ maxLength: 140 }).map((body) => lengthDelimited(4, body)),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((body) => [...varint(900 * 8 + 1), ...body]),
  fc
    .tuple(otherNumber, fc.nat(), fc.nat(3))
    .map(([number, value, padding]) => [...varint(number * 8), ...varint(value, padding)]),
  fc
    .tuple(otherNumber, fc.uint8Array({ minLength: 4, maxLength: 4 }))
    .map(([number, body]) => [...varint(number * 8 + 5), ...body]),
);

const fieldsWithin = (depth: number): fc.Arbitrary<number[]> =>
  fc
    .array(
      depth === 0
        ? plainField
        : fc.oneof(
            { weight: 2, arbitrary: plainField },
            {
              weight: 1,
              arbitrary: fc.tuple(fieldsWithin(depth - 1), fc.nat(1)).map(([body, padding]) => lengthDelimited(2, body, padding)),
            },
          ),
      { maxLength: 5 },
    )
    .map((fields) => fields.flat());

/** Bytes of any `Outer`, with duplicates of everything, unknown fields and lengths that take more bytes than they need. */
export const outerBytes: fc.Arbitrary<Uint8Array> = fieldsWithin(2).map((bytes) => Uint8Array.from(bytes));

/** `bytes` cut at the given places (taken modulo the length). */
export function split(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return cuts.map((cut, index) => bytes.slice(cuts[index - 1] ?? 0, cut));
}

/** The pieces as one. */
export const joined = (chunks: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(chunks));
