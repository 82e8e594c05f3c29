/** What ModelMesh's tests of loads, failures and constraints show (spec `modelmesh.md` §8), on five real nodes of which one has a label. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { ModelMesh, ModelStatusInfo_ModelStatus as Status } from '@modelmesh/wire/mmesh';
import { type ClusterNode, ClusterProcess } from '../cluster-process/index.ts';
import { eventually } from '../faults/index.ts';
import { echo, registerNull } from '../peers/index.ts';
import { copiesSeenBy, failureOf, holderOf, statusOf } from './mesh-calls.ts';

const tools = etcdTools(process.env);
const NODES = 5;
const MODELS = Array.from({ length: 10 }, (_, at) => `m${at}`);
const RECORDS = '/tas-runtime/model-mesh/';
/** Only the first node may load models of this type. */
const LABELLED_TYPE = 'labelled';
const CONSTRAINTS = JSON.stringify({ [LABELLED_TYPE]: { required: ['special'] } });

describe('five nodes', { skip: tools.missing }, () => {
  let cluster: ClusterProcess;
  before(
    async () => {
      cluster = await ClusterProcess.start({
        nodes: NODES,
        etcd: tools,
        flags: (at) => ({ 'placement-type-constraints': CONSTRAINTS, ...(at === 0 ? { labels: 'special' } : {}) }),
      });
    },
    { timeout: 180_000 },
  );
  after(() => cluster?.[Symbol.asyncDispose]());

  const someNode = (at: number): ClusterNode => cluster.node(at % NODES);
  /** Times that a load of the model failed, over all nodes, by what they logged. */
  const failedLoads = (model: string): readonly string[] =>
    cluster.nodes.flatMap(({ id, log }) =>
      log.flatMap((line) => (line.event === 'load-failed' && line.model === model ? [id] : [])),
    );
  const record = async (key: string): Promise<unknown> => {
    const text = await cluster.etcd.ctl('get', `${RECORDS}${key}`, '--print-value-only');
    return text.trim() === '' ? undefined : JSON.parse(text);
  };
  const countOfCopies = async (): Promise<number> => {
    let sum = 0;
    for (const { id } of cluster.nodes) {
      const found = (await record(`instances/${id}`)) as { readonly count?: number } | undefined;
      sum += found?.count ?? 0;
    }
    return sum;
  };

  it('§8 ModelMeshTest: models are loaded through any node and deleted through any other, and the records of models and instances agree', {
    timeout: 120_000,
  }, async () => {
    for (const [at, model] of MODELS.entries()) await registerNull(someNode(at).process, model, 'size 8192', true);
    for (const model of MODELS) {
      const { instanceIds } = (await record(`registry/${model}`)) as { readonly instanceIds: Readonly<Record<string, number>> };
      assert.deepEqual(Object.keys(instanceIds), [(await holderOf(cluster, model)).id], model);
    }
    await eventually('the records of instances count ten models', 60_000, async () =>
      (await countOfCopies()) === MODELS.length ? true : undefined,
    );
    for (const [at, modelId] of MODELS.entries())
      await someNode(at + 2).client.unary(ModelMesh.method.unregisterModel, { modelId });
    for (const model of MODELS) {
      assert.equal(await record(`registry/${model}`), undefined, model);
      for (const { client } of cluster.nodes) assert.equal((await statusOf(client, model)).status, Status.NOT_FOUND, model);
    }
    await eventually('the records of instances count none', 60_000, async () =>
      (await countOfCopies()) === 0 ? true : undefined,
    );
  });

  it('§8 ModelMeshLoadFailureTest: a model that cannot be loaded is tried at exactly three of five nodes, whoever asks, and says what the runtime said', {
    timeout: 60_000,
  }, async () => {
    const first = await registerNull(cluster.node(1).process, 'bad', 'fail INTERNAL corrupt', true);
    assert.equal(first.status, Status.LOADING_FAILED);
    for (const { client } of cluster.nodes) await assert.rejects(echo(client, 'bad', 'x'), /corrupt/);
    const { status, errors, modelCopyInfos } = await statusOf(cluster.node(4).client, 'bad');
    assert.equal(status, Status.LOADING_FAILED);
    for (const error of errors) assert.match(error, /corrupt$/);
    const places = modelCopyInfos.map(({ location, copyStatus }) => {
      assert.equal(copyStatus, Status.LOADING_FAILED);
      return location;
    });
    assert.deepEqual([places.length, new Set(places).size, errors.length], [3, 3, 3]);
    assert.deepEqual(failedLoads('bad').toSorted(), places.toSorted(), 'each of them tried once');
  });

  it('§8 ModelMeshErrorPropagationTest: the error of the runtime has the same code and words whether the call was forwarded or not, and makes no other copy', {
    timeout: 60_000,
  }, async () => {
    await cluster.node(3).client.unary(ModelMesh.method.registerModel, {
      modelId: 'bound',
      modelInfo: { type: LABELLED_TYPE, path: 'size 8192' },
      loadNow: true,
      sync: true,
    });
    assert.equal((await holderOf(cluster, 'bound')).id, 'n0');
    for (const failure of ['UNAVAILABLE no room', 'INTERNAL out of luck', 'FAILED_PRECONDITION not now']) {
      const here = await failureOf(cluster.node(0).client, 'bound', failure);
      assert.match(here[1], new RegExp(failure.replace(/^\S+ /, '')));
      for (const { id, client } of cluster.nodes) assert.deepEqual(await failureOf(client, 'bound', failure), here, id);
    }
    for (const node of cluster.nodes) assert.deepEqual(await copiesSeenBy(node, 'bound'), ['n0']);
  });

  // The last one: three nodes are gone after it.
  it('§8 ModelMeshLoadFailureTest: the models of three of five nodes that are stopped in order are loaded at the other two, without a call', {
    timeout: 120_000,
  }, async () => {
    const models = MODELS.map((model) => `kept-${model}`);
    for (const [at, model] of models.entries()) {
      await registerNull(someNode(at).process, model, 'size 8192', true);
      assert.equal(await echo(someNode(at).client, model, model), model);
    }
    for (const at of [2, 3, 4]) assert.equal(await cluster.node(at).stop(), 0);
    const survivors = cluster.nodes.slice(0, 2);
    for (const { id, client } of survivors) {
      for (const model of models)
        await eventually(`${id} knows that ${model} is loaded`, 5000, async () =>
          (await statusOf(client, model)).status === Status.LOADED ? true : undefined,
        );
      for (const model of models) assert.equal(await echo(client, model, model), model);
    }
  });
});
