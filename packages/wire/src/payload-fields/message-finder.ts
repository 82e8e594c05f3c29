import type { PayloadField, PayloadType } from '@modelmesh/core/records';
import type { PayloadValue } from '@modelmesh/core/traffic';
import { WireReader } from '../oip/index.ts';
import { fieldNumber, fixedLength, LENGTH_MAX, VARINT_BYTES_MAX, WIRE_TYPE } from '../splice/index.ts';
import { BoundedFinder } from './finder.ts';
import type { MessageNode, MessagePlan } from './message-plan.ts';
import { textOf, typedValue } from './payload-value.ts';
import { Pieces } from './pieces.ts';

type Phase = 'tag' | 'length' | 'varint' | 'skip' | 'collect';

const NOTHING = new Uint8Array(0);

/** Finds fields in a protobuf message, by walking over its tags. What no field stands in is skipped and not kept. */
export class MessageFinder extends BoundedFinder {
  readonly #absentBehind: number;
  #phase: Phase = 'tag';
  /** Position in the message of the next byte. */
  #offset = 0;
  /** The message that is walked, and where it ends; those around it. */
  #node: MessageNode;
  #end = Number.POSITIVE_INFINITY;
  readonly #around: { readonly node: MessageNode; readonly end: number }[] = [];
  /** What the present field leads to. */
  #child: MessageNode | undefined;
  #wireType = 0;
  #varint = 0;
  #varintScale = 1;
  #varintBytes = 0;
  /** The same exactly, where it is a value that is looked for. */
  #exact = 0n;
  #remaining = 0;
  readonly #pieces = new Pieces();

  constructor({ root, fields, absentBehind }: MessagePlan, bytesMax: number) {
    super(fields, bytesMax);
    this.#node = root;
    this.#absentBehind = absentBehind;
  }

  protected override scan(bytes: Uint8Array): void {
    let at = 0;
    try {
      while (at < bytes.length && !this.decided) {
        if (this.#phase === 'skip') at += this.#skip(bytes.length - at);
        else if (this.#phase === 'collect') at += this.#collect(bytes, at);
        else this.#byte(bytes[at++] ?? 0);
      }
    } catch {
      // Malformed: the runtime says so, here it only means that nothing more is found.
      this.decide();
    }
  }

  #byte(byte: number): void {
    this.#offset++;
    if (this.#offset > this.#end || ++this.#varintBytes > VARINT_BYTES_MAX) {
      this.decide();
      return;
    }
    if (this.#phase === 'varint' && this.#child !== undefined) {
      this.#exact |= BigInt(byte & 0x7f) << BigInt(7 * (this.#varintBytes - 1));
    }
    this.#varint += (byte & 0x7f) * this.#varintScale;
    this.#varintScale *= 0x80;
    if (byte >= 0x80) return;
    const value = this.#varint;
    this.#varint = 0;
    this.#varintScale = 1;
    this.#varintBytes = 0;
    if (this.#phase === 'tag') this.#onTag(value);
    else if (this.#phase === 'length') this.#onLength(value);
    else this.#onVarint();
  }

  #onTag(tag: number): void {
    const number = fieldNumber(tag, this.#offset);
    const fixed = fixedLength(tag, this.#offset);
    if (this.#around.length === 0 && number > this.#absentBehind) {
      this.decide();
      return;
    }
    this.#child = this.#node.children.get(number);
    this.#wireType = tag & 7;
    if (this.#wireType === WIRE_TYPE.varint) {
      this.#exact = 0n;
      this.#phase = 'varint';
    } else if (this.#wireType === WIRE_TYPE.lengthDelimited) this.#phase = 'length';
    else this.#take(fixed, (this.#child?.fields.length ?? 0) > 0);
  }

  #onLength(length: number): void {
    const child = this.#child;
    if (length > LENGTH_MAX || this.#offset + length > this.#end) {
      this.decide();
      return;
    }
    if (child !== undefined && child.children.size > 0) {
      this.#around.push({ node: this.#node, end: this.#end });
      this.#node = child;
      this.#end = this.#offset + length;
      this.#fieldDone();
    } else this.#take(length, child !== undefined);
  }

  #onVarint(): void {
    for (const field of this.#child?.fields ?? []) this.settle(field, varintValue(this.#exact, field.type));
    this.#fieldDone();
  }

  /** The next `length` bytes are the value: it is kept if a field stands there. */
  #take(length: number, wanted: boolean): void {
    if (this.#offset + length > this.#end) {
      this.decide();
      return;
    }
    this.#remaining = length;
    this.#phase = wanted ? 'collect' : 'skip';
    if (length > 0) return;
    if (wanted) this.#onValue(NOTHING);
    this.#fieldDone();
  }

  #skip(available: number): number {
    const step = Math.min(this.#remaining, available);
    this.#offset += step;
    this.#remaining -= step;
    if (this.#remaining === 0) this.#fieldDone();
    return step;
  }

  #collect(bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + this.#remaining);
    this.#offset += part.length;
    this.#remaining -= part.length;
    if (this.#remaining > 0) this.#pieces.add(part);
    else {
      this.#onValue(this.#pieces.whole(part));
      this.#fieldDone();
    }
    return part.length;
  }

  #onValue(bytes: Uint8Array): void {
    const child = this.#child;
    if (child === undefined) return;
    for (const field of child.fields) this.settle(field, bytesValue(bytes, this.#wireType, field.type));
    if (child.parameters.size > 0 && this.#wireType === WIRE_TYPE.lengthDelimited) this.#onParameter(bytes, child.parameters);
  }

  #onParameter(entry: Uint8Array, wanted: ReadonlyMap<string, readonly PayloadField[]>): void {
    const { name, value } = readParameter(entry);
    for (const field of wanted.get(name) ?? []) {
      this.settle(field, value === undefined ? undefined : typedValue(value, field.type));
    }
  }

  #fieldDone(): void {
    this.#phase = 'tag';
    while (this.#offset === this.#end) {
      const around = this.#around.pop();
      if (around === undefined) return;
      this.#node = around.node;
      this.#end = around.end;
    }
  }
}

function varintValue(value: bigint, type: PayloadType): PayloadValue | undefined {
  if (type === 'bool') return value !== 0n;
  return type === 'int' ? BigInt.asIntN(64, value) : undefined;
}

function bytesValue(bytes: Uint8Array, wireType: number, type: PayloadType): PayloadValue | undefined {
  if (wireType === WIRE_TYPE.lengthDelimited) return type === 'string' ? textOf(bytes) : undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === 'double') return wireType === WIRE_TYPE.fixed64 ? view.getFloat64(0, true) : view.getFloat32(0, true);
  if (type === 'int') return wireType === WIRE_TYPE.fixed64 ? view.getBigInt64(0, true) : BigInt(view.getInt32(0, true));
  return undefined;
}

const ENTRY = { key: 1, value: 2 } as const;
/** Members of `InferParameter`'s oneof. Source: the Open Inference Protocol. */
const CHOICE = { bool: 1, int64: 2, string: 3, double: 4, uint64: 5 } as const;

/** One entry of a map of request parameters; a value that is none of the protocol's is `undefined`. */
function readParameter(entry: Uint8Array): { readonly name: string; readonly value: PayloadValue | undefined } {
  const reader = new WireReader(entry, 'invalid-argument');
  let name = '';
  let value: PayloadValue | undefined;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === ENTRY.key) name = textOf(reader.slice()) ?? '';
    else if (field === ENTRY.value) reader.message((choice) => (value = readChoice(reader, choice)));
    else reader.skip();
  }
  return { name, value };
}

function readChoice(reader: WireReader, choice: number): PayloadValue | undefined {
  switch (choice) {
    case CHOICE.string:
      return textOf(reader.slice());
    case CHOICE.double:
      reader.expect(WIRE_TYPE.fixed64);
      return reader.double();
    case CHOICE.bool:
    case CHOICE.int64:
    case CHOICE.uint64: {
      reader.expect(WIRE_TYPE.varint);
      const bits = reader.int64();
      return choice === CHOICE.bool ? bits !== 0n : choice === CHOICE.int64 ? bits : BigInt.asUintN(64, bits);
    }
    default:
      reader.skip();
      return undefined;
  }
}
