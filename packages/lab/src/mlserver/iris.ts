import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelInferRequestSchema, ModelInferResponseSchema } from '@modelmesh/wire/inference';
import { type GrpcRequest, grpcRequest, type HttpRequest, httpRequest } from '../load/index.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('./train_iris.py', import.meta.url));

/** A scikit-learn model on disk in both forms, and what it says to a few rows. */
export interface Iris {
  readonly folder: string;
  readonly onnxPath: string;
  readonly input: string;
  /** The output of the exported model that is called `predict` by MLServer. */
  readonly label: string;
  readonly rows: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

/** Trains the model with the Python that has scikit-learn. */
export async function trainIris(python: string, folder: string): Promise<Iris> {
  await run(python, [SCRIPT, folder]);
  const expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as Omit<Iris, 'folder' | 'onnxPath'>;
  return { ...expected, folder, onnxPath: join(folder, 'model.onnx') };
}

/** The question over gRPC; the answer must hold the labels. Both servers get the same bytes. */
export function irisGrpc(iris: Iris, outputs: readonly string[]): GrpcRequest {
  const message = create(ModelInferRequestSchema, {
    modelName: 'iris',
    inputs: [
      {
        name: iris.input,
        datatype: 'FP32',
        shape: shapeOf(iris),
        contents: { fp32Contents: iris.rows.flat() },
      },
    ],
    outputs: outputs.map((name) => ({ name })),
  });
  return grpcRequest('/inference.GRPCInferenceService/ModelInfer', toBinary(ModelInferRequestSchema, message), [], (bytes) =>
    saysLabels(iris, labelsOf(bytes)),
  );
}

/** The question over REST in JSON. */
export function irisHttp(iris: Iris, outputs: readonly string[]): HttpRequest {
  const input = { name: iris.input, shape: shapeOf(iris).map(Number), datatype: 'FP32', data: iris.rows.flat() };
  const body = { inputs: [input], ...(outputs.length === 0 ? {} : { outputs: outputs.map((name) => ({ name })) }) };
  return httpRequest('/v2/models/iris/infer', Buffer.from(JSON.stringify(body)), {}, (bytes) => {
    const answer = JSON.parse(bytes.toString()) as { readonly outputs?: readonly { readonly data?: readonly number[] }[] };
    return saysLabels(iris, answer.outputs?.[0]?.data ?? []);
  });
}

const shapeOf = (iris: Iris): readonly bigint[] & bigint[] => [BigInt(iris.rows.length), BigInt(iris.rows[0]?.length ?? 0)];

const saysLabels = (iris: Iris, labels: readonly number[]): boolean =>
  labels.length === iris.labels.length && labels.every((label, at) => label === iris.labels[at]);

/** Labels in either form that the protocol allows. */
function labelsOf(bytes: Uint8Array): readonly number[] {
  const { outputs, rawOutputContents } = fromBinary(ModelInferResponseSchema, bytes);
  const [raw] = rawOutputContents;
  if (raw === undefined) return (outputs[0]?.contents?.int64Contents ?? []).map(Number);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: raw.byteLength / 8 }, (_, at) => Number(view.getBigInt64(8 * at, true)));
}
