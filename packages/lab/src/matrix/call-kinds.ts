/** The ways of calling a model, each behind one shape, so that every situation can be put to every one of them. */
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { durationMs, toMeshError } from '@modelmesh/core';
import { GrpcStatusError, type Method, methodPath } from '@modelmesh/grpc/call';
import { elementsOf, tensor } from '@modelmesh/sdk/client';
import { GRPCInferenceService } from '@modelmesh/wire/inference';
import {
  decodeInferResponse,
  decodeStreamInferResponse,
  encodeInferRequest,
  type InferRequest,
  type InferResponse,
  NO_PARAMETERS,
  type StreamInferResponse,
} from '@modelmesh/wire/oip';
import { grpcCodeName } from '@modelmesh/wire/status';
import { ROW, taken } from '../faults/index.ts';
import { connectGrpc, type NodeProcess, splitAddress } from '../node-process/index.ts';

/** What a call names, and how it is made. */
export interface CallOptions {
  readonly model: string;
  readonly version?: string;
  readonly gzip?: boolean;
  readonly timeoutMs?: number;
}

/** How a call ended: what its answers say of the model that made them, or the code and sentence of an error. */
export type Ended =
  | { readonly kind: 'answer'; readonly text: string }
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

/** A call under way. */
export interface OpenCall {
  /** A stream: its first answer has come. Resolves with the end if that comes first; for the others, once the node has the request. */
  readonly middle: Promise<unknown>;
  /** Lets a stream that was held open go on, and resolves with the end. */
  finish(): Promise<Ended>;
}

/** One way of calling. */
export interface CallKind {
  readonly name: string;
  /** A stream shows by its first answer that it is under way; the runtime need not be held for that. */
  readonly streams: boolean;
  open(node: NodeProcess, options: CallOptions): OpenCall;
}

const unread = (): never => {
  throw new TypeError('a client sends this message and never reads it');
};

const INFER: Method<never, InferRequest, InferResponse, never> = {
  path: methodPath(GRPCInferenceService.method.modelInfer),
  request: { decode: unread, encode: encodeInferRequest },
  response: { decode: decodeInferResponse, encode: unread },
};

const STREAM_INFER: Method<never, InferRequest, StreamInferResponse, never> = {
  path: methodPath(GRPCInferenceService.method.modelStreamInfer),
  request: { decode: unread, encode: encodeInferRequest },
  response: { decode: decodeStreamInferResponse, encode: unread },
};

function rowRequest(modelName: string, modelVersion = ''): InferRequest {
  const inputs = [tensor('x', 'FP32', [1, ROW.length], Float32Array.from(ROW))];
  return { modelName, modelVersion, id: '', parameters: NO_PARAMETERS, inputs, outputs: [] };
}

const errorOf = (thrown: unknown): Ended => {
  if (thrown instanceof GrpcStatusError) return { kind: 'error', code: grpcCodeName(thrown.code), message: thrown.message };
  const { kind, message } = toMeshError(thrown);
  return { kind: 'error', code: kind === 'deadline-exceeded' ? 'DEADLINE_EXCEEDED' : kind, message };
};

const numbersOf = ({ outputs: [output] }: InferResponse): string =>
  output === undefined ? 'nothing' : JSON.stringify([...elementsOf(output, 'FP32')]);

const grpcOptions = ({ timeoutMs }: CallOptions) => (timeoutMs === undefined ? {} : { timeoutMs: durationMs(timeoutMs) });

/** A connection of the call's own, so that what befalls one call befalls no other. */
function ownConnection(node: NodeProcess, { gzip }: CallOptions) {
  const [host, port] = splitAddress(node.addresses.inference);
  return connectGrpc({ kind: 'tcp', host, port: Number(port) }, gzip === true ? { requestEncoding: 'gzip' } : {});
}

const grpcUnary: CallKind = {
  name: 'gRPC unary',
  streams: false,
  open(node, options) {
    const own = ownConnection(node, options);
    const ended = own.client
      .call(INFER, rowRequest(options.model, options.version), grpcOptions(options))
      .then((response): Ended => ({ kind: 'answer', text: numbersOf(response) }), errorOf)
      .finally(() => own.close());
    return { middle: taken(node), finish: () => ended };
  },
};

const grpcBidi: CallKind = {
  name: 'gRPC bidi',
  streams: true,
  open(node, options) {
    const own = ownConnection(node, options);
    const goOn = Promise.withResolvers<void>();
    async function* requests(): AsyncGenerator<InferRequest> {
      yield rowRequest(options.model, options.version);
      await goOn.promise;
      yield rowRequest(options.model, options.version);
    }
    const answers = own.client.exchange(STREAM_INFER, requests(), grpcOptions(options));
    const texts: string[] = [];
    const next = async (): Promise<boolean> => {
      const { done, value } = await answers.next();
      if (done === true) return false;
      texts.push(value.kind === 'answer' ? numbersOf(value.response) : value.message);
      return true;
    };
    const first = next().then(() => undefined, errorOf);
    const rest = async (): Promise<Ended> => {
      const failed = await first;
      if (failed !== undefined) return failed;
      while (await next());
      const same = texts.length === 2 && texts[0] === texts[1];
      return { kind: 'answer', text: same ? (texts[0] ?? '') : `answers ${texts.join(' and ')}` };
    };
    return {
      middle: first,
      finish: () => {
        goOn.resolve();
        return rest()
          .catch(errorOf)
          .finally(() => own.close());
      },
    };
  },
};

interface Posted {
  readonly path: string;
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came of a POST; `onText` hears the body as it comes. */
function post(
  node: NodeProcess,
  { path, body, headers = {} }: Posted,
  options: CallOptions,
  onText: () => void,
): Promise<Answered> {
  const answered = Promise.withResolvers<Answered>();
  const sent = options.gzip === true ? gzipSync(body) : body;
  const all: Record<string, string> = { 'content-type': 'application/json', 'content-length': String(sent.length), ...headers };
  if (options.gzip === true) all['content-encoding'] = 'gzip';
  if (options.timeoutMs !== undefined) all['mm-timeout-ms'] = String(options.timeoutMs);
  const sending = request(`${node.url}${path}`, { method: 'POST', headers: all, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      onText();
    });
    response.on('end', () => {
      const length = Number(response.headers['inference-header-content-length'] ?? Number.NaN);
      answered.resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), headerLength: length });
    });
    response.on('error', answered.reject);
  });
  sending.on('error', answered.reject);
  sending.end(sent);
  return answered.promise;
}

interface Answered {
  readonly status: number;
  readonly body: Buffer;
  /** NaN where the answer has no binary section. */
  readonly headerLength: number;
}

const refused = ({ status, body }: Answered): Ended => {
  const { error } = JSON.parse(body.toString()) as { error: string };
  return { kind: 'error', code: String(status), message: error };
};

function restKind(name: string, posted: (options: CallOptions) => Posted, read: (answer: Answered) => string): CallKind {
  return {
    name,
    streams: false,
    open(node, options) {
      const ended = post(node, posted(options), options, () => {}).then(
        (answer): Ended => (answer.status === 200 ? { kind: 'answer', text: read(answer) } : refused(answer)),
        errorOf,
      );
      return { middle: taken(node), finish: () => ended };
    },
  };
}

const v2Path = ({ model, version }: CallOptions, verb: string): string =>
  `/v2/models/${model}${version === undefined ? '' : `/versions/${version}`}/${verb}`;

const restJson = restKind(
  'REST JSON',
  (options) => ({
    path: v2Path(options, 'infer'),
    body: Buffer.from(JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, ROW.length], data: ROW }] })),
  }),
  ({ body }) => JSON.stringify((JSON.parse(body.toString()) as { outputs: { data: number[] }[] }).outputs[0]?.data),
);

const restBinary = restKind(
  'REST binary',
  (options) => {
    const data = Buffer.from(Float32Array.from(ROW).buffer);
    const parameters = { binary_data_size: data.length };
    const head = Buffer.from(
      JSON.stringify({
        parameters: { binary_data_output: true },
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1, ROW.length], parameters }],
      }),
    );
    const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(head.length) };
    return { path: v2Path(options, 'infer'), body: Buffer.concat([head, data]), headers };
  },
  ({ body, headerLength }) => {
    const bytes = Uint8Array.from(body.subarray(headerLength));
    return JSON.stringify([...new Float32Array(bytes.buffer)]);
  },
);

const v1Predict = restKind(
  'V1 predict',
  ({ model, version }) => ({
    path: `/v1/models/${model}${version === undefined ? '' : `/versions/${version}`}:predict`,
    body: Buffer.from(JSON.stringify({ instances: [ROW] })),
  }),
  ({ body }) => JSON.stringify((JSON.parse(body.toString()) as { predictions: number[][] }).predictions[0]),
);

/** What `generate_stream` is asked to go on from: enough words that something can happen among them. */
const PROMPT = 'one two three four five six seven eight';

const generateStream: CallKind = {
  name: 'generate_stream',
  streams: true,
  open(node, options) {
    const begun = Promise.withResolvers<void>();
    const body = Buffer.from(JSON.stringify({ text_input: PROMPT }));
    const ended = post(node, { path: v2Path(options, 'generate_stream'), body }, options, begun.resolve).then(
      (answer): Ended => (answer.status === 200 ? eventsOf(answer.body.toString()) : refused(answer)),
      errorOf,
    );
    void ended.finally(begun.resolve);
    return { middle: begun.promise, finish: () => ended };
  },
};

/** The first word of a text names the model; the rest must be the whole prompt. */
function eventsOf(text: string): Ended {
  const events = text
    .split('\n\n')
    .filter(Boolean)
    .map((event) => JSON.parse(event.replace(/^data: /, '')) as { text_output?: string; error?: string });
  const error = events.find((event) => event.error !== undefined)?.error;
  if (error !== undefined) return { kind: 'error', code: 'event', message: error };
  const [tag = '', ...words] = events.map(({ text_output }) => text_output ?? '');
  return { kind: 'answer', text: words.join('').trim() === PROMPT ? tag : `${tag} without all words` };
}

/** The ways that ONNX models answer. */
export const UNARY_KINDS: readonly CallKind[] = [grpcUnary, grpcBidi, restJson, restBinary, v1Predict];
/** The way that only models of text answer. */
export const STREAM_KINDS: readonly CallKind[] = [generateStream];
