import { decodeInferResponse, encodeInferRequest, NO_PARAMETERS } from '@modelmesh/wire/oip';
import { type GrpcRequest, grpcRequest, type HttpRequest, httpRequest, SeededRandom, Zipf } from '../load/index.ts';
import type { FleetModel, Question } from './fleet.ts';

/** Chooses models by Zipf's law and rows at random; every call knows its right answer. */
export class Traffic {
  readonly #zipf: Zipf;
  readonly #random: SeededRandom;
  readonly #grpc: readonly (readonly GrpcRequest[])[];
  readonly #http: readonly (readonly HttpRequest[])[];

  /** The order of the models is their rank. */
  constructor(models: readonly FleetModel[], exponent: number, seed: number) {
    this.#zipf = new Zipf(models.length, exponent);
    this.#random = new SeededRandom(seed);
    this.#grpc = models.map((model) => model.questions.map((question) => grpcQuestion(model.key, question)));
    this.#http = models.map((model) => model.questions.map((question) => httpQuestion(model.key, question)));
  }

  nextGrpc(): GrpcRequest {
    return this.#next(this.#grpc);
  }

  nextHttp(): HttpRequest {
    return this.#next(this.#http);
  }

  #next<Request>(byModel: readonly (readonly Request[])[]): Request {
    const requests = byModel[this.#zipf.rankOf(this.#random.share())];
    const request = requests?.[this.#random.below(requests.length)];
    if (request === undefined) throw new Error('a model without questions');
    return request;
  }
}

/** The question as `ModelInfer` of the Open Inference Protocol; right are the same bits. */
export function grpcQuestion(key: string, { row, answer }: Question): GrpcRequest {
  const data = new Uint8Array(Float32Array.from(row).buffer);
  const expected = Buffer.from(Float32Array.from(answer).buffer);
  const message = encodeInferRequest({
    modelName: key,
    modelVersion: '',
    id: '',
    parameters: NO_PARAMETERS,
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, row.length], parameters: NO_PARAMETERS, data }],
    outputs: [],
  });
  return grpcRequest('/inference.GRPCInferenceService/ModelInfer', Buffer.concat(message), [], (bytes) => {
    const [output] = decodeInferResponse(bytes).outputs;
    return output !== undefined && expected.equals(output.data);
  });
}

/** The question in the protocol's JSON. */
export function httpQuestion(key: string, { row, answer }: Question): HttpRequest {
  const body = { inputs: [{ name: 'x', shape: [1, row.length], datatype: 'FP32', data: row }] };
  return httpRequest(`/v2/models/${key}/infer`, Buffer.from(JSON.stringify(body)), {}, (bytes) => {
    const parsed = JSON.parse(bytes.toString()) as { readonly outputs?: readonly { readonly data?: readonly number[] }[] };
    const data = parsed.outputs?.[0]?.data ?? [];
    return data.length === answer.length && data.every((value, at) => value === answer[at]);
  });
}
