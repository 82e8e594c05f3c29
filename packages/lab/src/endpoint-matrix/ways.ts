/** The ways of calling an endpoint, each behind one shape: what is asked, and what the answer says of itself. */
import { request } from 'node:http';
import { type Method, methodPath } from '@modelmesh/grpc/call';
import { frameMessage } from '@modelmesh/grpc/framing';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { GRPCInferenceService } from '@modelmesh/wire/inference';
import { decodeInferResponse, decodeStreamInferResponse, encodeInferRequest, type InferRequest } from '@modelmesh/wire/oip';
import { MODEL_INFER, ROW, rowBody, rowRequest, valuesOf } from '../faults/index.ts';
import { type NodeProcess, splitAddress } from '../node-process/index.ts';

/** What a call asks for. */
export interface AskedCall {
  readonly endpoint: string;
  /** In the path where the way has one for it, else in the header. */
  readonly label?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back. */
export interface WayAnswer {
  /** The one row of the model that answered. */
  readonly values: readonly number[];
  /** A field of the answer's head. */
  field(name: string): string | undefined;
}

/** One way of calling. @throws if the call fails */
export interface Way {
  readonly name: string;
  call(node: NodeProcess, asked: AskedCall): Promise<WayAnswer>;
}

const EXPLAIN = ['mm-explain', 'true'] as const;
const flat = ({ label, headers = {} }: AskedCall): string[] => [
  ...EXPLAIN,
  ...Object.entries(headers).flat(),
  ...(label === undefined ? [] : ['mm-label', label]),
];

function heard(): { readonly onHeaders: (block: HeaderBlock) => void; readonly field: (name: string) => string | undefined } {
  let head: HeaderBlock | undefined;
  return {
    onHeaders: (block) => {
      head = block;
    },
    field: (name) => head?.get(name),
  };
}

const grpcUnary: Way = {
  name: 'gRPC unary',
  async call(node, asked) {
    const { onHeaders, field } = heard();
    const answer = await node.client.call(MODEL_INFER, rowRequest(asked.endpoint), { headers: flat(asked), onHeaders });
    return { values: valuesOf(answer), field };
  },
};

const unread = (): never => {
  throw new TypeError('a client sends this message and never reads it');
};
const STREAM_INFER: Method<never, InferRequest, ReturnType<typeof decodeStreamInferResponse>, never> = {
  path: methodPath(GRPCInferenceService.method.modelStreamInfer),
  request: { decode: unread, encode: encodeInferRequest },
  response: { decode: decodeStreamInferResponse, encode: unread },
};

const grpcStream: Way = {
  name: 'gRPC stream',
  async call(node, asked) {
    const { onHeaders, field } = heard();
    async function* requests(): AsyncGenerator<InferRequest> {
      yield rowRequest(asked.endpoint);
    }
    const answers = await Array.fromAsync(node.client.exchange(STREAM_INFER, requests(), { headers: flat(asked), onHeaders }));
    const [answer] = answers;
    if (answer?.kind !== 'answer' || answers.length !== 1) throw new Error(`the stream answered ${JSON.stringify(answers)}`);
    return { values: valuesOf(answer.response), field };
  },
};

interface Posted {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

interface Answered {
  readonly body: Buffer;
  field(name: string): string | undefined;
}

/** What a POST over HTTP/1.1 was answered with. @throws unless with 200 */
async function post(node: NodeProcess, { path, headers, body }: Posted): Promise<Answered> {
  const [host, port] = splitAddress(node.addresses.inference);
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const all = { ...headers, 'content-length': String(body.length), 'mm-explain': 'true' };
  const sending = request({ host, port, path, method: 'POST', headers: all, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const answer = Buffer.concat(chunks);
      const one = (name: string): string | undefined => {
        const value = response.headers[name];
        return Array.isArray(value) ? value[0] : value;
      };
      if (response.statusCode === 200) resolve({ body: answer, field: one });
      else reject(new Error(`${path}: ${response.statusCode} ${answer.toString()}`));
    });
  });
  sending.on('error', reject);
  sending.end(body);
  return promise;
}

const FRAME_PREFIX_BYTES = 5;

const grpcWeb: Way = {
  name: 'gRPC-Web',
  async call(node, { endpoint, label, headers = {} }) {
    const all = { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1', ...headers };
    const body = Buffer.concat(frameMessage(encodeInferRequest(rowRequest(endpoint))));
    const path = methodPath(GRPCInferenceService.method.modelInfer);
    const answer = await post(node, { path, headers: label === undefined ? all : { ...all, 'mm-label': label }, body });
    if (answer.body[0] !== 0) throw new Error(`no message came: ${answer.field('grpc-message') ?? answer.body.toString()}`);
    const length = answer.body.readUInt32BE(1);
    const message = Uint8Array.from(answer.body.subarray(FRAME_PREFIX_BYTES, FRAME_PREFIX_BYTES + length));
    return { values: valuesOf(decodeInferResponse(message)), field: answer.field };
  },
};

const named = ({ endpoint, label }: AskedCall): string => (label === undefined ? endpoint : `${endpoint}/labels/${label}`);
const JSON_TYPE = { 'content-type': 'application/json' };

const restV1: Way = {
  name: 'REST V1',
  async call(node, asked) {
    const body = Buffer.from(JSON.stringify({ instances: [ROW] }));
    const answer = await post(node, {
      path: `/v1/models/${named(asked)}:predict`,
      headers: { ...JSON_TYPE, ...asked.headers },
      body,
    });
    const { predictions } = JSON.parse(answer.body.toString()) as { readonly predictions: readonly (readonly number[])[] };
    return { values: predictions[0] ?? [], field: answer.field };
  },
};

const restV2: Way = {
  name: 'REST V2',
  async call(node, asked) {
    const path = `/v2/models/${named(asked)}/infer`;
    const answer = await post(node, { path, headers: { ...JSON_TYPE, ...asked.headers }, body: Buffer.from(rowBody()) });
    const { outputs } = JSON.parse(answer.body.toString()) as {
      readonly outputs: readonly { readonly data: readonly number[] }[];
    };
    return { values: outputs[0]?.data ?? [], field: answer.field };
  },
};

const restBinary: Way = {
  name: 'binary',
  async call(node, asked) {
    const data = Buffer.from(Float32Array.from(ROW).buffer);
    const input = { name: 'x', datatype: 'FP32', shape: [1, ROW.length], parameters: { binary_data_size: data.length } };
    const head = Buffer.from(JSON.stringify({ parameters: { binary_data_output: true }, inputs: [input] }));
    const headers = {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(head.length),
      ...asked.headers,
    };
    const answer = await post(node, { path: `/v2/models/${named(asked)}/infer`, headers, body: Buffer.concat([head, data]) });
    const bytes = Uint8Array.from(answer.body.subarray(Number(answer.field('inference-header-content-length'))));
    return { values: [...new Float32Array(bytes.buffer)], field: answer.field };
  },
};

/** All of them. */
export const WAYS: readonly Way[] = [grpcUnary, grpcStream, grpcWeb, restV1, restV2, restBinary];
