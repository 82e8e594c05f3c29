import type { Example } from './example.ts';

/** A line to copy, and what it is for. */
export interface Line {
  readonly title: string;
  readonly text: string;
}

const IRIS = [6.3, 3.3, 4.7, 1.6];

/** Where everything is. */
export const urls = (port: number): readonly Line[] => [
  { title: 'REST', text: `http://localhost:${port}/v2` },
  { title: 'gRPC', text: `localhost:${port}` },
  { title: 'management', text: `http://localhost:${port}/api/v1/models` },
  { title: 'OpenAPI', text: `http://localhost:${port}/api/v1/openapi.json` },
];

/** Lines for other clients: the iris example if it is there, else the first one over curl. */
export function linesToCopy(port: number, examples: readonly Example[]): readonly Line[] {
  if (!examples.some(({ model }) => model.startsWith('iris@'))) {
    return examples.slice(0, 1).map(({ model, request }) => ({
      title: 'curl',
      text: `curl -s localhost:${port}/v2/models/${encodeURIComponent(model)}/infer -H 'content-type: application/json' -d '${request.replaceAll("'", "'\\''")}'`,
    }));
  }
  const rest = { inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 4], data: IRIS }] };
  const contents = { fp32_contents: IRIS };
  const grpc = { model_name: 'iris', inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 4], contents }] };
  return [
    {
      title: 'curl',
      text: `curl -s localhost:${port}/v2/models/iris/infer -H 'content-type: application/json' -d '${JSON.stringify(rest)}'`,
    },
    {
      title: 'grpcurl',
      text: `grpcurl -plaintext -d '${JSON.stringify(grpc)}' localhost:${port} inference.GRPCInferenceService/ModelInfer`,
    },
    { title: 'Python', text: pythonLines(port) },
    { title: 'mmesh', text: `npm run mmesh -- get models --server http://localhost:${port}` },
  ];
}

const pythonLines = (port: number): string =>
  [
    'import numpy as np, tritonclient.grpc as triton',
    `client = triton.InferenceServerClient('localhost:${port}')`,
    "tensor = triton.InferInput('features', [1, 4], 'FP32')",
    `tensor.set_data_from_numpy(np.array([${JSON.stringify(IRIS)}], np.float32))`,
    "print(client.infer('iris', [tensor]).as_numpy('label'))",
  ].join('\n');
