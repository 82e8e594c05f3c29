import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type ModelInferRequest,
  ModelInferRequestSchema,
  type ModelInferResponse,
  ModelInferResponseSchema,
} from '@modelmesh/wire/inference';

/**
 * The conversion as one writes it with what Node and generated code give: a tree of JSON, a message of classes, bytes; and back. For FP32 alone, and
 * without any check, so that it costs as little as it can.
 */

interface Body {
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    readonly data: number[];
  }[];
}

/** The message of a V2 body, with its numbers in `fp32_contents`, or with `raw` in `raw_input_contents`. */
export function slowRequest(modelName: string, body: Uint8Array, raw = false): ModelInferRequest {
  const { inputs } = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()) as Body;
  return create(ModelInferRequestSchema, {
    modelName,
    inputs: inputs.map(({ name, datatype, shape, data }) => ({
      name,
      datatype,
      shape: shape.map(BigInt),
      ...(raw ? {} : { contents: { fp32Contents: data } }),
    })),
    rawInputContents: raw ? inputs.map(({ data }) => new Uint8Array(Float32Array.from(data).buffer)) : [],
  });
}

/** The same in bytes. */
export const slowRequestBytes = (modelName: string, body: Uint8Array, raw = false): Uint8Array =>
  toBinary(ModelInferRequestSchema, slowRequest(modelName, body, raw));

/** The V2 body of a message whose numbers are raw. */
export function slowAnswer({ modelName, outputs, rawOutputContents }: ModelInferResponse): Uint8Array {
  const tensors = outputs.map(({ name, datatype, shape }, at) => {
    const raw = rawOutputContents[at] ?? new Uint8Array();
    // Floats must lie at a multiple of four, which only a copy does.
    return { name, datatype, shape: shape.map(Number), data: Array.from(new Float32Array(new Uint8Array(raw).buffer)) };
  });
  return Buffer.from(JSON.stringify({ model_name: modelName, outputs: tensors }));
}

/** The same from bytes. */
export const slowAnswerOf = (message: Uint8Array): Uint8Array => slowAnswer(fromBinary(ModelInferResponseSchema, message));
