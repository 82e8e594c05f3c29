import { ProtobufWriter } from './protobuf-writer.ts';

/** TensorProto.DataType of the ONNX format, by its lower-case name. */
export const ONNX_TYPE = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;

/** Name of an element type of the ONNX format. */
export type OnnxTypeName = keyof typeof ONNX_TYPE;

/** An input or output of a graph: a number is a fixed dimension, a string a symbolic one; no shape means an unknown rank. */
export interface OnnxValueSpec {
  readonly name: string;
  readonly type: OnnxTypeName;
  readonly shape?: readonly (number | string)[];
}

/** Where the bytes of an initializer are: in the model, or in a file beside it. */
export type OnnxInitializerSpec = {
  readonly name: string;
  readonly type: OnnxTypeName;
  readonly dims: readonly number[];
} & (
  | { readonly raw: Uint8Array }
  | { readonly external: { readonly location: string; readonly offset: number; readonly length: number } }
);

/** An attribute of a node. */
export type OnnxAttributeSpec =
  | { readonly name: string; readonly kind: 'int'; readonly value: number }
  | { readonly name: string; readonly kind: 'float'; readonly value: number }
  | { readonly name: string; readonly kind: 'string'; readonly value: string }
  | { readonly name: string; readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly name: string; readonly kind: 'tensor'; readonly value: OnnxInitializerSpec };

/** One operator of a graph. */
export interface OnnxNodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly OnnxAttributeSpec[];
}

/** A whole model. */
export interface OnnxModelSpec {
  readonly inputs: readonly OnnxValueSpec[];
  readonly outputs: readonly OnnxValueSpec[];
  readonly nodes: readonly OnnxNodeSpec[];
  readonly initializers?: readonly OnnxInitializerSpec[];
  /** Version of the standard operator set; 17 by default. */
  readonly opset?: number;
}

/** The ONNX file of `spec`, as chunks: the bytes of initializers are not copied. */
export function onnxModelChunks(spec: OnnxModelSpec): readonly Uint8Array[] {
  return new ProtobufWriter()
    .varint(1, 8)
    .string(2, 'modelmesh-testing')
    .message(7, (graph) => writeGraph(graph, spec))
    .message(8, (opset) => opset.string(1, '').varint(2, spec.opset ?? 17)).chunks;
}

/** The ONNX file of `spec` as one array. */
export function onnxModel(spec: OnnxModelSpec): Uint8Array {
  return Buffer.concat(onnxModelChunks(spec));
}

function writeGraph(graph: ProtobufWriter, spec: OnnxModelSpec): void {
  for (const node of spec.nodes) graph.message(1, (out) => writeNode(out, node));
  graph.string(2, 'graph');
  for (const initializer of spec.initializers ?? []) graph.message(5, (out) => writeTensor(out, initializer));
  for (const value of spec.inputs) graph.message(11, (out) => writeValue(out, value));
  for (const value of spec.outputs) graph.message(12, (out) => writeValue(out, value));
}

function writeNode(out: ProtobufWriter, node: OnnxNodeSpec): void {
  for (const name of node.inputs) out.string(1, name);
  for (const name of node.outputs) out.string(2, name);
  out.string(4, node.op);
  for (const attribute of node.attributes ?? []) out.message(5, (inner) => writeAttribute(inner, attribute));
}

function writeAttribute(out: ProtobufWriter, attribute: OnnxAttributeSpec): void {
  out.string(1, attribute.name);
  switch (attribute.kind) {
    case 'int':
      out.varint(3, attribute.value).varint(20, 2);
      break;
    case 'float':
      out.float(2, attribute.value).varint(20, 1);
      break;
    case 'string':
      out.string(4, attribute.value).varint(20, 3);
      break;
    case 'ints':
      for (const value of attribute.value) out.bytes(8, packed(value));
      out.varint(20, 7);
      break;
    case 'tensor':
      out.message(5, (inner) => writeTensor(inner, attribute.value)).varint(20, 4);
      break;
  }
}

/** A packed repeated field of one varint; parsers join several of them. */
function packed(value: number): Uint8Array {
  const bytes = new ProtobufWriter().varint(1, value).concat();
  return bytes.length === 0 ? Uint8Array.of(0) : bytes.subarray(1);
}

function writeTensor(out: ProtobufWriter, tensor: OnnxInitializerSpec): void {
  if (tensor.dims.length > 0) out.bytes(1, Buffer.concat(tensor.dims.map(packed)));
  out.varint(2, ONNX_TYPE[tensor.type]).string(8, tensor.name);
  if ('raw' in tensor) {
    out.bytes(9, tensor.raw);
    return;
  }
  const { location, offset, length } = tensor.external;
  const entries = { location, offset: String(offset), length: String(length) };
  for (const [key, value] of Object.entries(entries)) out.message(13, (entry) => entry.string(1, key).string(2, value));
  out.varint(14, 1);
}

function writeValue(out: ProtobufWriter, value: OnnxValueSpec): void {
  out.string(1, value.name).message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.varint(1, ONNX_TYPE[value.type]);
      const { shape } = value;
      if (shape === undefined) return;
      tensor.message(2, (dims) => {
        for (const dim of shape) dims.message(1, (one) => (typeof dim === 'number' ? one.varint(1, dim) : one.string(2, dim)));
      });
    }),
  );
}
