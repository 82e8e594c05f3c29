/** Clients as their users have them, unchanged, each against the port of a node, in plaintext and under TLS. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { GRPCInferenceService } from '@modelmesh/wire/inference';
import { freeFolder, NodeProcess, splitAddress } from '../node-process/index.ts';
import { certificate, TlsFiles } from '../operations/certificates.ts';
import { Http2Connection } from '../operations/http2-connection.ts';
import { applyExamples, EXAMPLES, exampleNames } from './examples.ts';
import { GrpcJsClient } from './grpc-js-client.ts';

const execute = promisify(execFile);
const START_MS = 60_000;
const CLIENT_MS = 90_000;
const OUTPUT_BYTES_MAX = 16_777_216;

const { MESH_TEST_GHZ: ghz, MESH_TEST_GRPCURL: grpcurl, MESH_TEST_GRPC_GO: grpcGo, MESH_TEST_PYTHON: python } = process.env;
const skipWithout = (tool: string | undefined, name: string): string | false =>
  tool === undefined ? (process.env.MESH_TEST_MISSING ?? `${name} is not prepared`) : false;

/** Runs a client to its end. @throws with what it wrote if it fails */
async function outputOf(command: string | undefined, ...args: readonly string[]): Promise<string> {
  assert.ok(command !== undefined);
  const { stdout } = await execute(command, args, { maxBuffer: OUTPUT_BYTES_MAX, timeout: CLIENT_MS });
  return stdout;
}

const { modelInfer, modelStreamInfer, serverReady } = GRPCInferenceService.method;
const METHOD = 'inference.GRPCInferenceService/ModelInfer';
const ROW = [6.3, 3.3, 4.7, 1.6];
/** What the models say of that flower. */
const LABEL = 1;
const TENSOR = { name: 'features', datatype: 'FP32' };
const IRIS_JSON = JSON.stringify({
  model_name: 'iris',
  inputs: [{ ...TENSOR, shape: [1, 4], contents: { fp32_contents: ROW } }],
});
const IRIS_REST = JSON.stringify({ inputs: [{ ...TENSOR, shape: [1, 4], data: ROW }] });
const IRIS = { modelName: 'iris', inputs: [{ ...TENSOR, shape: [1n, 4n], contents: { fp32Contents: ROW } }] };

/** The label in the bytes of the first output. */
const labelIn = (raw: Uint8Array | undefined): number => Number(Buffer.from(raw ?? []).readBigInt64LE());

/** A node with the example models, and how clients reach it. */
interface Subject extends AsyncDisposable {
  /** A host that its certificate is for, and its port. */
  readonly address: string;
  /** A PEM file of whom to trust; `undefined` in plaintext. */
  readonly ca: string | undefined;
}

async function startSubject(isEncrypted: boolean): Promise<Subject> {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await freeFolder());
  const files = new TlsFiles(folder.path);
  const own = certificate();
  files.use(own);
  const node = started.use(await NodeProcess.start({ folder: folder.path, flags: isEncrypted ? files.flags : {} }));
  const address = `localhost:${splitAddress(node.addresses.inference)[1]}`;
  if (isEncrypted) {
    using connection = new Http2Connection(`https://${address}`, { ca: own.cert });
    await applyExamples(node, async (path, json) => {
      const { status, body } = await connection.post(path, json);
      assert.equal(status, 200, body.toString());
    });
  } else {
    await applyExamples(node);
  }
  const held = started.move();
  const ca = isEncrypted ? files.flags['tls-cert-path'] : undefined;
  return { address, ca, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}

/** The version of onnxruntime inside the embedded runtime. */
function onnxruntimeVersion(): string {
  const require = createRequire(new URL('../../../runtime/package.json', import.meta.url));
  return (JSON.parse(readFileSync(require.resolve('onnxruntime-node/package.json'), 'utf8')) as { version: string }).version;
}

for (const isEncrypted of [false, true]) {
  describe(`clients as their users have them, ${isEncrypted ? 'under TLS' : 'in plaintext'}`, () => {
    let subject: Subject;
    before(
      async () => {
        subject = await startSubject(isEncrypted);
      },
      { timeout: START_MS },
    );
    after(() => subject?.[Symbol.asyncDispose]());
    /** Arguments that say whom to trust, or that nobody has to be. */
    const trust = (flag: string, plain: readonly string[]): readonly string[] =>
      subject.ca === undefined ? plain : [flag, subject.ca];

    it('ghz knows the service by reflection and gets OK for every call', {
      skip: skipWithout(ghz, 'ghz'),
      timeout: CLIENT_MS,
    }, async () => {
      const load = ['--call', METHOD.replace('/', '.'), '-d', IRIS_JSON, '-n', '2000', '-c', '20', '--connections', '4'];
      const report = await outputOf(ghz, ...trust('--cacert', ['--insecure']), ...load, '-O', 'json', subject.address);
      const { count, statusCodeDistribution, errorDistribution } = JSON.parse(report);
      assert.deepEqual([count, statusCodeDistribution, errorDistribution ?? {}], [2000, { OK: 2000 }, {}]);
    });

    it('grpcurl lists services, infers and checks health', {
      skip: skipWithout(grpcurl, 'grpcurl'),
      timeout: CLIENT_MS,
    }, async () => {
      const flags = trust('-cacert', ['-plaintext']);
      assert.match(await outputOf(grpcurl, ...flags, subject.address, 'list'), /^inference\.GRPCInferenceService$/m);
      const answer = JSON.parse(await outputOf(grpcurl, ...flags, '-d', IRIS_JSON, subject.address, METHOD));
      assert.equal(labelIn(Buffer.from(answer.rawOutputContents[0], 'base64')), LABEL);
      const health = await outputOf(grpcurl, ...flags, subject.address, 'grpc.health.v1.Health/Check');
      assert.deepEqual(JSON.parse(health), { status: 'SERVING' });
    });

    it('grpc-js infers, alone and in a conversation, and asks whether the node is ready', { timeout: CLIENT_MS }, async () => {
      const { ca } = subject;
      const credentials = ca === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(readFileSync(ca));
      using client = new GrpcJsClient(subject.address, {}, credentials);
      assert.equal((await client.unary(serverReady, {})).response?.ready, true);
      const outcomes = await Promise.all(Array.from({ length: 200 }, () => client.unary(modelInfer, IRIS)));
      const labels = outcomes.map(({ response }) => labelIn(response?.rawOutputContents[0]));
      assert.deepEqual(labels, Array(200).fill(LABEL));

      const talk = client.bidi(modelStreamInfer);
      for (let turn = 0; turn < 3; turn++) talk.write(IRIS);
      talk.end();
      const heard: number[] = [];
      for await (const { inferResponse } of talk) heard.push(labelIn(inferResponse?.rawOutputContents[0]));
      assert.deepEqual(heard, [LABEL, LABEL, LABEL]);
    });

    it('grpc-go infers on several connections, alone and in conversations, and checks health', {
      skip: skipWithout(grpcGo, 'the client on grpc-go'),
      timeout: CLIENT_MS,
    }, async () => {
      const message = Buffer.from(toBinary(modelInfer.input, create(modelInfer.input, IRIS))).toString('base64');
      const flags = [...trust('-ca', []), '-message', message, '-connections', '4', '-calls', '100'];
      const ask = async (...args: readonly string[]) => JSON.parse(await outputOf(grpcGo, ...flags, ...args));
      const unary = await ask(subject.address, `/${METHOD}`);
      assert.deepEqual([unary.answers, unary.different, unary.health], [400, 0, 'SERVING']);
      assert.equal(labelIn(fromBinary(modelInfer.output, Buffer.from(unary.first, 'base64')).rawOutputContents[0]), LABEL);

      const talks = await ask('-stream', subject.address, '/inference.GRPCInferenceService/ModelStreamInfer');
      assert.deepEqual([talks.answers, talks.different], [400, 0]);
      const { inferResponse } = fromBinary(modelStreamInfer.output, Buffer.from(talks.first, 'base64'));
      assert.equal(labelIn(inferResponse?.rawOutputContents[0]), LABEL);
    });

    it('tritonclient gets the numbers of onnxruntime over gRPC, JSON and binary tensors, compressed or not', {
      skip: skipWithout(python, 'tritonclient'),
      timeout: CLIENT_MS,
    }, async () => {
      const script = fileURLToPath(new URL('./triton_client.py', import.meta.url));
      const args = [script, subject.address, EXAMPLES, onnxruntimeVersion(), ...(subject.ca === undefined ? [] : [subject.ca])];
      const result = JSON.parse(
        await outputOf(python, ...args).catch((error: { readonly stdout?: string; readonly message: string }) =>
          error.stdout ? error.stdout : JSON.stringify({ problems: [error.message] }),
        ),
      );
      assert.deepEqual(result.problems, []);
      assert.equal(result.models, exampleNames().length);
      assert.ok(result.bits > 0, 'no fp32 output was compared bit for bit: the versions of onnxruntime differ');
    });

    for (const [flag, version] of [
      ['--http2-prior-knowledge', '2'],
      ['--http1.1', '1.1'],
    ] as const) {
      it(`curl ${flag} infers over REST, with a body that is announced first, and checks readiness`, {
        timeout: CLIENT_MS,
      }, async () => {
        const url = `${subject.ca === undefined ? 'http' : 'https'}://${subject.address}`;
        const curl = (...args: readonly string[]): Promise<string> =>
          outputOf('curl', '-sS', '--fail', flag, ...trust('--cacert', []), '-w', '\n%{http_version}', ...args);
        assert.equal((await curl(`${url}/v2/health/ready`)).split('\n').at(-1), version);
        for (const more of [[], ['-H', 'expect: 100-continue']]) {
          const body = ['-H', 'content-type: application/json', ...more, '-d', IRIS_REST];
          const [json = '', used] = (await curl(...body, `${url}/v2/models/iris/infer`)).split(/\n(?=[^\n]*$)/);
          const [label] = (JSON.parse(json) as { outputs: { name: string; data: number[] }[] }).outputs;
          assert.deepEqual([label?.name, label?.data, used], ['label', [LABEL], version]);
        }
      });
    }
  });
}
