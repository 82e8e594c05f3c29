import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { GrpcStatusError } from '@modelmesh/grpc/call';
import { EtcdProcess, etcdTools, TcpProxy } from '@modelmesh/mesh/kv/testing';
import { GRPC_CODE } from '@modelmesh/wire/status';
import { type NodeProcess, scrape } from '../node-process/index.ts';
import { echo, registerNull, startOnEtcd } from './etcd-node.ts';

const tools = etcdTools(process.env);
/** Three times the lease of an instance. */
const AWAY_MS = 60_000;
/** A refusal that is no timeout. */
const AT_ONCE_MS = 500;
const MODELS = Array.from({ length: 20 }, (_, index) => `m${index}`);

interface Refused {
  readonly code: number;
  readonly message: string;
  readonly tookMs: number;
}

async function refused(call: () => Promise<unknown>): Promise<Refused> {
  const begun = performance.now();
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof GrpcStatusError, String(error));
    return { code: error.code, message: error.message, tookMs: performance.now() - begun };
  }
  return assert.fail('it was not refused');
}

const loads = async (node: NodeProcess): Promise<number> =>
  (await scrape(node)).get('modelmesh_loadmodel_milliseconds_count') ?? 0;

interface Records {
  readonly holders: ReadonlyMap<string, readonly string[]>;
  readonly instances: readonly string[];
}

/** Holders of each model as the records say, and the instances. */
async function records(etcd: EtcdProcess): Promise<Records> {
  const lines = (await etcd.ctl('get', '--prefix', '/tas-runtime/')).split('\n');
  const holders = new Map<string, string[]>();
  const instances: string[] = [];
  for (const [index, line] of lines.entries()) {
    const model = /\/registry\/(.+)$/.exec(line)?.[1];
    if (model !== undefined) {
      const record = JSON.parse(lines[index + 1] ?? '{}') as { readonly instanceIds?: object };
      holders.set(model, Object.keys(record.instanceIds ?? {}));
    }
    const instance = /\/instances\/(.+)$/.exec(line)?.[1];
    if (instance !== undefined) instances.push(instance);
  }
  return { holders, instances };
}

/** A node whose models are loaded, with what is to be the same after an outage. */
async function loadedNode(etcd: EtcdProcess, port: number) {
  const node = await startOnEtcd({ port });
  for (const model of [...MODELS, 'cold']) await registerNull(node, model);
  for (const model of MODELS) assert.equal(await echo(node, model, 'warm'), 'warm');
  const before = await records(etcd);
  assert.equal(await loads(node), MODELS.length);
  assert.ok(MODELS.every((model) => before.holders.get(model)?.length === 1));
  return { node, before };
}

/** Calls warm models, and now and then what needs the registry, until `over`. */
async function callMeanwhile(node: NodeProcess, context: TestContext, over: () => boolean): Promise<void> {
  let warm = 0;
  // The node hears within seconds that etcd is gone; what meets the moment itself may wait for that long.
  await refused(() => registerNull(node, 'first'));
  const seen: Refused[] = [];
  while (!over() || seen.length === 0) {
    const model = MODELS[warm % MODELS.length] ?? '';
    assert.equal(await echo(node, model, model), model);
    warm += 1;
    if (warm % 500 !== 0) continue;
    seen.push(await refused(() => registerNull(node, 'new')), await refused(() => echo(node, 'cold', '')));
  }
  const slowest = Math.max(...seen.map(({ tookMs }) => tookMs));
  context.diagnostic(
    `${warm} warm calls, ${seen.length} refusals, the slowest after ${slowest.toFixed(0)} ms: ${seen[0]?.message}`,
  );
  for (const { code, message, tookMs } of seen) {
    assert.equal(code, GRPC_CODE.UNAVAILABLE, message);
    assert.match(message, /registry|etcd/);
    assert.ok(tookMs < AT_ONCE_MS, `${tookMs} ms: ${message}`);
  }
}

/** Changes are possible again, the records say what they said, and nothing was loaded for it. */
async function nothingLost(node: NodeProcess, etcd: EtcdProcess, before: Records): Promise<void> {
  await possibleAgain(() => registerNull(node, 'again'));
  for (const model of MODELS) assert.equal(await echo(node, model, 'after'), 'after');
  assert.equal(await possibleAgain(() => echo(node, 'cold', 'now')), 'now');
  assert.equal(await loads(node), MODELS.length + 1, 'the cold model was loaded and no other one again');
  const after = await records(etcd);
  assert.deepEqual(after.instances, before.instances);
  for (const model of MODELS) assert.deepEqual(after.holders.get(model), before.holders.get(model), model);
}

describe('an absence of etcd costs no warm call and no reload, and what needs it is refused at once', {
  skip: tools.missing,
}, () => {
  it('when etcd is killed and away for three lease times', { timeout: 240_000 }, async (context) => {
    const etcd = await EtcdProcess.alone(tools);
    try {
      const { node, before } = await loadedNode(etcd, etcd.port);
      await using _node = node;
      await etcd.kill();
      const begun = performance.now();
      await callMeanwhile(node, context, () => performance.now() - begun >= AWAY_MS);
      etcd.start();
      await etcd.healthy();
      await nothingLost(node, etcd, before);
    } finally {
      await etcd.dispose();
    }
  });

  it('when the way to it is cut until the lease of the node has ended', { timeout: 240_000 }, async (context) => {
    const etcd = await EtcdProcess.alone(tools);
    const proxy = await TcpProxy.start(etcd.port);
    try {
      const { node, before } = await loadedNode(etcd, proxy.port);
      await using _node = node;
      const madeBefore = await madeAt(etcd);
      await proxy.away();
      let ended = false;
      const gone = untilNoInstance(etcd).then(() => {
        ended = true;
      });
      await callMeanwhile(node, context, () => ended);
      await gone;
      await proxy.mend();
      await nothingLost(node, etcd, before);
      assert.notEqual(await madeAt(etcd), madeBefore, 'the record was made anew, under a new lease');
    } finally {
      await proxy.close();
      await etcd.dispose();
    }
  });
});

/** The revision at which the instance's record came into being. */
async function madeAt(etcd: EtcdProcess): Promise<number | undefined> {
  const { kvs = [] } = JSON.parse(await etcd.ctl('get', '--prefix', '/tas-runtime/', '-w', 'json')) as {
    readonly kvs?: readonly { readonly key: string; readonly create_revision: number }[];
  };
  return kvs.find(({ key }) => Buffer.from(key, 'base64').toString().includes('/instances/'))?.create_revision;
}

/** The record of the instance ends with its lease, which etcd alone decides. */
async function untilNoInstance(etcd: EtcdProcess): Promise<void> {
  for (;;) if ((await records(etcd)).instances.length === 0) return;
}

/** Asks until it is no longer refused: how soon is the node's affair, within the test's time. */
async function possibleAgain<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      assert.ok(error instanceof GrpcStatusError && error.code === GRPC_CODE.UNAVAILABLE, String(error));
    }
  }
}
