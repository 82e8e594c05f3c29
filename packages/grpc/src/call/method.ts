import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { MeshError } from '@modelmesh/core';

/** Who may send how many messages. */
export type CallKind = 'unary' | 'client_streaming' | 'server_streaming' | 'bidi_streaming';

/** How messages of one type become bytes. `Init` is what may be given to be sent. */
export interface Codec<Value, Init = Value> {
  /** @throws {MeshError} `invalid-argument` for bytes that are no such message. `bytes` may be kept. */
  decode(bytes: Uint8Array): Value;
  /** The bytes in slices, whose ownership passes to the caller. */
  encode(value: Init): readonly Uint8Array[];
}

/** One method of a service, by its path and the codecs of its two message types. */
export interface Method<Request, RequestInit, Response, ResponseInit> {
  /** `/<package>.<Service>/<Method>`. */
  readonly path: string;
  readonly request: Codec<Request, RequestInit>;
  readonly response: Codec<Response, ResponseInit>;
}

/** A method whose messages are passed on as bytes. */
export type RawMethod = Method<Uint8Array, readonly Uint8Array[], Uint8Array, readonly Uint8Array[]>;

/** The codec of bytes that nobody decodes. */
export const BYTES_CODEC: Codec<Uint8Array, readonly Uint8Array[]> = { decode: (bytes) => bytes, encode: (slices) => slices };

/** A method at `path` whose messages are bytes. */
export const rawMethod = (path: string): RawMethod => ({ path, request: BYTES_CODEC, response: BYTES_CODEC });

/** The codec of a protobuf message type. */
export function protobufCodec<Schema extends DescMessage>(schema: Schema): Codec<MessageShape<Schema>, MessageInitShape<Schema>> {
  return {
    decode(bytes) {
      try {
        return fromBinary(schema, bytes);
      } catch (error) {
        const why = error instanceof Error ? error.message : 'unreadable bytes';
        throw new MeshError('invalid-argument', `the message is not a valid ${schema.typeName}: ${why}`, { cause: error });
      }
    },
    encode: (value) => [toBinary(schema, create(schema, value))],
  };
}

/** The path of a described method. */
export const methodPath = (desc: DescMethod): string => `/${desc.parent.typeName}/${desc.name}`;

/** A described method whose message types the compiler knows. */
export type TypedDesc<I extends DescMessage, O extends DescMessage, Kind extends CallKind> = Omit<
  DescMethod,
  'input' | 'output' | 'methodKind'
> & {
  readonly methodKind: Kind;
  readonly input: I;
  readonly output: O;
};

/** The method that a protobuf description describes. Make it once and keep it. */
export function protobufMethod<I extends DescMessage, O extends DescMessage>(
  desc: TypedDesc<I, O, CallKind>,
): Method<MessageShape<I>, MessageInitShape<I>, MessageShape<O>, MessageInitShape<O>> {
  return {
    path: `/${desc.parent.typeName}/${desc.name}`,
    request: protobufCodec(desc.input),
    response: protobufCodec(desc.output),
  };
}
