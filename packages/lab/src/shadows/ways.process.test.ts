import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { frameMessage } from '@modelmesh/grpc/framing';
import { RestClient, tensor } from '@modelmesh/sdk/client';
import { encodeInferRequest, NO_PARAMETERS } from '@modelmesh/wire/oip';
import { applyModel, eventually, ROW, writeModel } from '../faults/index.ts';
import { type CallKind, UNARY_KINDS } from '../matrix/index.ts';
import { NodeProcess } from '../node-process/index.ts';

const WITHIN_MS = 30_000;

/** What is seen of the shadow that is the same model and of the one that is another, in pairs. */
interface Pairs {
  readonly same: number;
  readonly sameEqual: number;
  readonly other: number;
  readonly otherEqual: number;
  readonly left: number;
}

/** A node with an endpoint whose shadows are a model like the live one, and one that answers something else. */
async function mirroredNode() {
  await using behind = new AsyncDisposableStack();
  const node = behind.use(await NodeProcess.start({ flags: { 'runtime-workers': '1' } }));
  for (const [name, seed] of [
    ['live', 1],
    ['same', 1],
    ['other', 2],
  ] as const) {
    await applyModel(node, name, { storage: { uri: writeModel(node.folder, name, seed).uri } });
  }
  const rest = new RestClient(node.url);
  behind.defer(() => rest.close());
  const shadows = ['same', 'other'];
  const variants = ['live', ...shadows].map((name) => ({ name, model: name, weight: name === 'live' ? 1 : 0 }));
  const mirror = shadows.map((to) => ({ to, percent: 100 }));
  const spec = { variants, default: 'live', mirror };
  await rest.apply({ apiVersion: 'modelmesh.io/v1alpha1', kind: 'Endpoint', metadata: { name: 'mirrored' }, spec });
  const pairs = async (): Promise<Pairs> => {
    const { mirrors } = await rest.diff('mirrored');
    const sums = (name: string) => mirrors.find(({ mirror: one }) => one === name)?.segments[0];
    const [same, other] = [sums('same'), sums('other')];
    const left = [same, other].flatMap((one) => Object.values(one?.dropped ?? {})).reduce((sum, one) => sum + one, 0);
    const counts = { same: same?.pairs ?? 0, sameEqual: same?.equal ?? 0, other: other?.pairs ?? 0 };
    return { ...counts, otherEqual: other?.equal ?? 0, left };
  };
  const used = behind.move();
  return { node, pairs, [Symbol.asyncDispose]: () => used.disposeAsync() };
}

/** A call of gRPC-Web, whose body is one framed message. */
async function grpcWeb(node: NodeProcess): Promise<void> {
  const inputs = [tensor('x', 'FP32', [1, ROW.length], Float32Array.from(ROW))];
  const request = { modelName: 'mirrored', modelVersion: '', id: '', parameters: NO_PARAMETERS, inputs, outputs: [] };
  const answer = await fetch(`${node.url}/inference.GRPCInferenceService/ModelInfer`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' },
    body: Buffer.concat(frameMessage(encodeInferRequest(request))),
  });
  assert.equal(answer.status, 200);
  assert.match(Buffer.from(await answer.arrayBuffer()).toString('latin1'), /grpc-status: ?0/);
}

async function answered(kind: CallKind, node: NodeProcess, gzip: boolean): Promise<void> {
  const call = kind.open(node, { model: 'mirrored', gzip });
  if (kind.streams) await call.middle;
  const ended = await call.finish();
  assert.equal(ended.kind, 'answer', JSON.stringify(ended));
}

describe('a call with shadows, whichever way it comes', () => {
  it('is repeated and compared alike', { timeout: 180_000 }, async (t) => {
    await using mirrored = await mirroredNode();
    const { node } = mirrored;
    const ways = UNARY_KINDS.flatMap((kind) => [
      { name: kind.name, call: () => answered(kind, node, false) },
      { name: `${kind.name}, compressed`, call: () => answered(kind, node, true) },
    ]);
    ways.push({ name: 'gRPC-Web', call: () => grpcWeb(node) });
    // What a shadow lacks at its first call is loaded for it.
    await ways[0]?.call();
    await eventually('both shadows were called', WITHIN_MS, async () => ((await mirrored.pairs()).other > 0 ? true : undefined));
    for (const { name, call } of ways) {
      const before = await eventually('the shadows are over', WITHIN_MS, async () => {
        const seen = await mirrored.pairs();
        return seen.same === seen.other ? seen : undefined;
      });
      await call();
      const after = await eventually(`the shadows of ${name}`, WITHIN_MS, async () => {
        const seen = await mirrored.pairs();
        return seen.same + seen.other + seen.left >= before.same + before.other + before.left + 2 ? seen : undefined;
      });
      const more = [after.same - before.same, after.sameEqual - before.sameEqual, after.other - before.other];
      assert.deepEqual([...more, after.otherEqual, after.left - before.left], [1, 1, 1, 0, 0], name);
    }
    t.diagnostic(`${ways.length} ways: ${ways.map(({ name }) => name).join('; ')}`);
  });
});
