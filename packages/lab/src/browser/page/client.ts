/**
 * What the page does: calls a node with clients of gRPC-Web that others wrote. Runs in the browser alone, with its types stripped.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createClient, type Transport } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { Health } from '@modelmesh/wire/grpc-services';
import {
  GRPCInferenceService,
  type ModelInferRequest,
  ModelInferRequestSchema,
  type ModelInferResponse,
  ModelInferResponseSchema,
  ModelStreamInferResponseSchema,
} from '@modelmesh/wire/inference';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import * as google from 'grpc-web';

type Format = 'binary' | 'text';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const STREAM = '/inference.GRPCInferenceService/ModelStreamInfer';

const question = (model: string, text: string): ModelInferRequest =>
  create(ModelInferRequestSchema, {
    modelName: model,
    inputs: [
      { name: 'text_input', datatype: 'BYTES', shape: [1n], contents: { bytesContents: [new TextEncoder().encode(text)] } },
    ],
  });

/** The one text of an answer, behind its length. */
const textOf = (answer: ModelInferResponse | undefined): string =>
  new TextDecoder().decode(answer?.rawOutputContents[0]?.subarray(4));

/** An answer as Google's client wants it: of a class. */
class Answer {
  readonly text: string;
  constructor(text: unknown) {
    this.text = String(text);
  }
}

const transport = (url: string): Transport => createGrpcWebTransport({ baseUrl: url });

const functions = {
  connectUnary: async (url: string, model: string, text: string): Promise<string> =>
    textOf(await createClient(GRPCInferenceService, transport(url)).modelInfer(question(model, text))),

  connectStream: async (url: string, model: string, text: string): Promise<string[]> => {
    // The method streams both ways, which no page can: but one question may have many answers.
    const method = { ...GRPCInferenceService.method.modelStreamInfer, methodKind: 'server_streaming' } as const;
    const asked = (async function* () {
      yield question(model, text);
    })();
    const { message } = await transport(url).stream(method, undefined, undefined, undefined, asked);
    const words: string[] = [];
    for await (const { inferResponse } of message) words.push(textOf(inferResponse));
    return words;
  },

  connectHealth: async (url: string): Promise<number> => (await createClient(Health, transport(url)).check({})).status,

  connectRegister: async (url: string, model: string): Promise<number> => {
    const asked = { modelId: model, modelInfo: { type: 'text', path: 'pause 1' }, loadNow: true, sync: true };
    return (await createClient(ModelMesh, transport(url)).registerModel(asked)).status;
  },

  connectModelStatus: async (url: string, model: string): Promise<number> =>
    (await createClient(ModelMesh, transport(url)).getModelStatus({ modelId: model })).status,

  googleUnary: async (url: string, format: Format, model: string, text: string): Promise<string> => {
    const client = new google.GrpcWebClientBase({ format });
    const method = new google.MethodDescriptor(
      INFER,
      google.MethodType.UNARY,
      Object,
      Answer,
      (message: ModelInferRequest) => toBinary(ModelInferRequestSchema, message),
      (bytes: Uint8Array) => new Answer(textOf(fromBinary(ModelInferResponseSchema, bytes))),
    );
    return (await client.unaryCall(`${url}${INFER}`, question(model, text), {}, method)).text;
  },

  googleStream: (url: string, format: Format, model: string, text: string): Promise<string[]> => {
    const client = new google.GrpcWebClientBase({ format });
    const method = new google.MethodDescriptor(
      STREAM,
      google.MethodType.SERVER_STREAMING,
      Object,
      Answer,
      (message: ModelInferRequest) => toBinary(ModelInferRequestSchema, message),
      (bytes: Uint8Array) => new Answer(textOf(fromBinary(ModelStreamInferResponseSchema, bytes).inferResponse)),
    );
    return new Promise((resolve, reject) => {
      const words: string[] = [];
      client
        .serverStreaming(`${url}${STREAM}`, question(model, text), {}, method)
        .on('data', (answer) => void words.push(answer.text))
        .on('error', reject)
        .on('end', () => resolve(words));
    });
  },

  restInfer: async (url: string, model: string, text: string): Promise<unknown> => {
    const body = JSON.stringify({ inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1], data: [text] }] });
    const headers = { 'content-type': 'application/json', 'mm-timeout-ms': '20000' };
    const response = await fetch(`${url}/v2/models/${model}/infer`, { method: 'POST', headers, body });
    return { status: response.status, body: await response.json() };
  },

  restModels: async (url: string): Promise<number> => (await fetch(`${url}/api/v1/models`)).status,
};

async function run(name: keyof typeof functions, args: readonly string[]): Promise<unknown> {
  const ask = functions[name] as (...args: readonly string[]) => Promise<unknown>;
  try {
    return { kind: 'value', value: await ask(...args) };
  } catch (error) {
    const { message, rawMessage, code } = error as { message: string; rawMessage?: string; code?: number };
    return { kind: 'error', message: rawMessage ?? message, code };
  }
}

Object.assign(globalThis, { mesh: { run } });
