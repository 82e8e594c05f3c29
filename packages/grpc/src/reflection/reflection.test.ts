import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFileRegistry, type DescMessage, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { descriptorSetBytes, reflectionV1, reflectionV1Alpha } from '@modelmesh/wire/grpc-services';
import { collect, each, type Served, serveRouter } from '../testing/index.ts';
import { addReflection } from './index.ts';

type Question = MessageInitShape<typeof reflectionV1.ServerReflectionRequestSchema>['messageRequest'];

const serve = (services?: () => readonly string[]) =>
  serveRouter((router) =>
    addReflection(router, { descriptorSet: descriptorSetBytes(), ...(services === undefined ? {} : { services }) }),
  );

async function ask(served: Served, ...questions: NonNullable<Question>[]) {
  const requests = each(questions.map((messageRequest) => ({ messageRequest })));
  const responses = await collect(served.client.bidi(reflectionV1.ServerReflection.method.serverReflectionInfo, requests));
  return responses.map(({ messageResponse }) => messageResponse);
}

const filesOf = (answer: Awaited<ReturnType<typeof ask>>[number] | undefined) => {
  assert.equal(answer?.case, 'fileDescriptorResponse');
  const bytes = answer.case === 'fileDescriptorResponse' ? answer.value.fileDescriptorProto : [];
  return bytes.map((file) => fromBinary(FileDescriptorProtoSchema, file));
};

test('services are listed, those of the descriptor set unless others are offered', async () => {
  await using all = await serve();
  const [listed] = await ask(all, { case: 'listServices', value: '' });
  assert.ok(listed?.case === 'listServicesResponse');
  assert.ok(listed.value.service.some(({ name }) => name === 'inference.GRPCInferenceService'));
  await using some = await serve(() => ['mmesh.ModelMesh']);
  const [offered] = await ask(some, { case: 'listServices', value: '*' });
  assert.ok(offered?.case === 'listServicesResponse');
  assert.deepEqual(
    offered.value.service.map(({ name }) => name),
    ['mmesh.ModelMesh'],
  );
});

test('a symbol of any kind is answered with its file, and map fields keep valid entry types', async () => {
  await using served = await serve();
  const symbols = [
    'inference.GRPCInferenceService',
    'inference.GRPCInferenceService.ModelInfer',
    'inference.ModelInferRequest',
    'inference.ModelInferRequest.InferInputTensor',
    'inference.ModelInferRequest.raw_input_contents',
  ];
  for (const value of symbols) {
    const [answer] = await ask(served, { case: 'fileContainingSymbol', value });
    const files = filesOf(answer);
    assert.equal(files[0]?.package, 'inference', value);
    const set = toBinary(FileDescriptorSetSchema, { $typeName: 'google.protobuf.FileDescriptorSet', file: files });
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
    const message: DescMessage | undefined = registry.getMessage('inference.ModelInferRequest');
    assert.equal(message?.field.parameters?.fieldKind, 'map');
  }
});

test('a file comes with its imports once in a stream, and again only when it is asked for itself', async () => {
  await using served = await serve();
  const question = { case: 'fileContainingSymbol', value: 'mmesh.ModelMesh' } as const;
  const [first, second] = await ask(served, question, question);
  const names = filesOf(first).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    filesOf(second).map(({ name }) => name),
    names.slice(0, 1),
  );
  const [byName] = await ask(served, { case: 'fileByFilename', value: names[0] ?? '' });
  assert.equal(filesOf(byName)[0]?.name, names[0]);
});

test('what is not known is answered with NOT_FOUND and the stream goes on', async () => {
  await using served = await serve();
  const answers = await ask(
    served,
    { case: 'fileContainingSymbol', value: 'no.Such' },
    { case: 'fileByFilename', value: 'no.proto' },
    { case: 'fileContainingExtension', value: { containingType: 'inference.ModelInferRequest', extensionNumber: 7 } },
    { case: 'allExtensionNumbersOfType', value: 'no.Such' },
    { case: 'allExtensionNumbersOfType', value: 'inference.ModelInferRequest' },
  );
  assert.deepEqual(
    answers.map((answer) => (answer.case === 'errorResponse' ? answer.value.errorCode : answer.case)),
    [5, 5, 5, 5, 'allExtensionNumbersResponse'],
  );
});

test('version v1alpha answers the same', async () => {
  await using served = await serve();
  const requests = each([{ messageRequest: { case: 'listServices', value: '' } as const }]);
  const info = reflectionV1Alpha.ServerReflection.method.serverReflectionInfo;
  const [response] = await collect(served.client.bidi(info, requests));
  assert.ok(response?.messageResponse.case === 'listServicesResponse');
  assert.ok(response.messageResponse.value.service.some(({ name }) => name === 'mmesh.ModelRuntime'));
});
