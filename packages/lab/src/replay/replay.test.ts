import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fromJson, toJson } from '@bufbuild/protobuf';
import { type CallOptions, GrpcStatusError, rawMethod } from '@modelmesh/grpc/call';
import { allowAll } from '@modelmesh/mesh/authz';
import type { MethodRules } from '@modelmesh/mesh/link';
import { serveModelMesh } from '@modelmesh/mesh/management';
import { TestNode } from '@modelmesh/mesh/testing';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { grpcCodeName } from '@modelmesh/wire/status';
import {
  type Answer,
  comparable,
  type Exception,
  metadataList,
  type RecordedCall,
  readRecording,
  requestBytes,
} from './recording.ts';

/** Wanted differences of `modelmesh-calls`, by step. */
const CALL_EXCEPTIONS: ReadonlyMap<number, Exception> = new Map([
  [
    33,
    {
      because: 'a runtime that goes on answering NOT_FOUND ends in NOT_FOUND with the attempts made',
      code: 'NOT_FOUND',
      message: /runtime says so \(3 attempts/,
    },
  ],
  [34, { because: 'UNAVAILABLE ends in UNAVAILABLE', code: 'UNAVAILABLE', message: /runtime is unavailable: runtime says so/ }],
  [
    46,
    {
      because: 'a message over the limit gets RESOURCE_EXHAUSTED with the limit, not a reset',
      code: 'RESOURCE_EXHAUSTED',
      message: /16777216/,
    },
  ],
  [
    81,
    { because: 'setVModel with an invalid type gets INVALID_ARGUMENT, not UNKNOWN', code: 'INVALID_ARGUMENT', message: /type/ },
  ],
  [
    85,
    {
      because: 'a target that was replaced by force while it failed leaves no model behind when its vmodel is deleted',
      answer: { kind: 'message', value: {} },
    },
  ],
]);

/** Wanted differences of `modelmesh-payloads`, by step. */
const PAYLOAD_EXCEPTIONS: ReadonlyMap<number, Exception> = new Map([
  [14, { because: 'a malformed message gets INVALID_ARGUMENT with the offset', code: 'INVALID_ARGUMENT', message: /byte 0/ }],
  [15, { because: 'a malformed message gets INVALID_ARGUMENT with the offset', code: 'INVALID_ARGUMENT', message: /byte 0/ }],
  [
    24,
    {
      because: "a later duplicate of an id's message is emptied: a parser that lets the last one win would see the client's id",
      answer: { kind: 'bytes', base64: Buffer.from([0x22, 3, 0x0a, 1, 0x62, 0x22, 0]).toString('base64') },
    },
  ],
]);

/** The rules of the recording with ids in payloads. */
const PAYLOAD_RULES: MethodRules = {
  rules: new Map([
    ['inference.GRPCInferenceService/ModelInfer', { idPath: [1], names: 'model', versionPath: null, headersFirst: false }],
    ['nested.Service/Call', { idPath: [2, 1], names: 'model', versionPath: null, headersFirst: false }],
    ['vm.Service/Call', { idPath: [1], names: 'endpoint', versionPath: null, headersFirst: false }],
  ]),
  allowOthers: true,
};

async function answerOf(node: TestNode, call: RecordedCall): Promise<Answer> {
  try {
    if (call.request !== undefined) return { kind: 'message', value: await manage(node, call) };
    const options: CallOptions = { headers: metadataList(call) };
    const bytes = await node.client.call(rawMethod(`/${call.rpc}`), [requestBytes(call)], options);
    return { kind: 'bytes', base64: Buffer.from(bytes).toString('base64') };
  } catch (error) {
    if (!(error instanceof GrpcStatusError)) throw error;
    return { kind: 'error', code: grpcCodeName(error.code), message: error.message };
  }
}

async function manage(node: TestNode, call: RecordedCall): Promise<unknown> {
  const method = ModelMesh.methods.find(({ name }) => call.rpc.endsWith(`/${name}`));
  assert.ok(method !== undefined && method.methodKind === 'unary', `no such method: ${call.rpc}`);
  const request = fromJson(method.input, call.request as Parameters<typeof fromJson>[1]);
  const unary = method as typeof ModelMesh.method.registerModel;
  const response = await node.client.unary(unary, request as never);
  return toJson(method.output, response);
}

function check(call: RecordedCall, answer: Answer, exception: Exception | undefined): void {
  if (exception !== undefined) {
    if ('answer' in exception) {
      assert.deepEqual(answer, exception.answer, exception.because);
      return;
    }
    assert.ok(answer.kind === 'error', `expected an error because ${exception.because}, got ${JSON.stringify(answer)}`);
    assert.equal(answer.code, exception.code, exception.because);
    assert.match(answer.message, exception.message, exception.because);
    return;
  }
  if (call.error !== undefined) {
    // Runtime messages come back without the recorded mesh's own `<method>: <CODE>: ` before them.
    const message = call.error.message.replace(/^(?:ModelRuntime \w+: )?[\w.]+\/\w+: [A-Z_]+: /, '');
    assert.deepEqual(answer, { kind: 'error', code: call.error.code, message });
    return;
  }
  if (call.responseBase64 !== undefined) assert.deepEqual(answer, { kind: 'bytes', base64: call.responseBase64 });
  else assert.deepEqual(comparable(answer.kind === 'message' ? answer.value : answer), comparable(call.response));
}

async function eventOf(node: TestNode, kind: string, model: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = node.running.control.subscribe(0, (event) => {
      if (event.kind !== kind || event.model !== model) return;
      queueMicrotask(() => end());
      resolve();
    });
  });
}

describe('the calls that were recorded of a real ModelMesh', () => {
  let node: TestNode;
  before(async () => {
    node = await TestNode.start({ serve: (router, running) => serveModelMesh(router, running.control, allowAll) });
  });
  after(() => node.close());

  for (const call of readRecording('modelmesh-calls')) {
    it(`${call.step}: ${call.rpc} ${call.note ?? ''}`, async () => {
      // The recording waited until the slow load was over.
      if (call.step === 20) await eventOf(node, 'model-loaded', 'slow');
      check(call, await answerOf(node, call), CALL_EXCEPTIONS.get(call.step));
    });
  }
});

describe('the calls with ids in payloads that were recorded of a real ModelMesh', () => {
  let node: TestNode;
  before(async () => {
    node = await TestNode.start({
      rules: PAYLOAD_RULES,
      runtime: { methods: { 'inject.Service/Call': [4, 1] } },
      serve: (router, running) => serveModelMesh(router, running.control, allowAll),
    });
  });
  after(() => node.close());

  for (const call of readRecording('modelmesh-payloads')) {
    it(`${call.step}: ${call.rpc} ${call.note ?? ''}`, async () => {
      check(call, await answerOf(node, call), PAYLOAD_EXCEPTIONS.get(call.step));
    });
  }
});
