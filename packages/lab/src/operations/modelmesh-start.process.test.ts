import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { rawMethod } from '@modelmesh/grpc/call';
import { openRegistry } from '@modelmesh/mesh/kv';
import { configPrefix, registryLayout, schemaKey } from '@modelmesh/wire/registry';
import { within } from '../faults/index.ts';
import { freeFolder, NodeProcess, type ProcessEnd, realClock, startNodeProgram } from '../node-process/index.ts';

const START_MS = 40_000;
const NULL_SERVER = { 'runtime-server': 'null' } as const;
const echo = rawMethod('/any.Service/Call');
const call = async (node: NodeProcess, header: string, id: string): Promise<string> =>
  Buffer.from(await node.client.call(echo, [Buffer.from('hello')], { headers: [header, id] })).toString();

interface Refusal {
  readonly end: ProcessEnd;
  readonly said: string;
}

async function refusedStart(folder: string, environment: Readonly<Record<string, string>>): Promise<Refusal> {
  const program = startNodeProgram(folder, { flags: NULL_SERVER, environment });
  try {
    const end = await within(START_MS, 'a start that is refused', program.ended);
    return { end, said: program.text.join('\n') };
  } finally {
    if (!program.hasEnded) await program.kill('SIGKILL');
  }
}

/** Writes a dynamic parameter into the registry of a node that does not run. */
async function setParameter(folder: string, name: string, value: string): Promise<void> {
  const layout = registryLayout({ root: '', prefix: 'tas-runtime', service: 'model-mesh' });
  const location = join(folder, 'registry.sqlite');
  const kv = await openRegistry('sqlite', { location, clock: realClock, schemaKey: schemaKey(layout) });
  await kv.txn({ conditions: [], operations: [{ kind: 'put', key: `${configPrefix(layout)}${name}`, value }] });
  await kv.close();
}

describe('§4.16 a node with models that it registers itself', () => {
  it('serves them from its first call on, loaded where that is asked for', { timeout: 60_000 }, async () => {
    await using folder = await freeFolder();
    const file = join(folder.path, 'models.json');
    writeFileSync(file, JSON.stringify([{ modelId: 'a', modelInfo: { type: 'null', path: 'size 8192' }, ensureLoaded: true }]));
    const inline = [{ modelId: 'b', modelInfo: { type: 'null', path: 'size 8192' }, vModelId: 'v' }];
    const environment = { MM_AUTO_REGISTER_MODELS_PATH: file, MM_AUTO_REGISTER_MODELS: JSON.stringify(inline) };
    await using node = await NodeProcess.start({ flags: NULL_SERVER, environment });
    const loaded = await node.logged('model-loaded');
    assert.equal(loaded.model, 'a');
    assert.equal(await call(node, 'mm-model-id', 'a'), 'hello');
    assert.equal(await call(node, 'mm-vmodel-id', 'v'), 'hello');
  });

  it('does not start when one that must be loaded cannot be, and says which and why', { timeout: 60_000 }, async () => {
    await using folder = await freeFolder();
    const broken = [{ modelId: 'broken', modelInfo: { type: 'null', path: 'fail INTERNAL no such file' }, ensureLoaded: true }];
    const { end, said } = await refusedStart(folder.path, { MM_AUTO_REGISTER_MODEL: JSON.stringify(broken) });
    assert.equal(end, 1, said);
    assert.match(said, /the node cannot start: the configured model broken could not be loaded \(ensureLoaded\): .*no such file/);
  });

  it('does not start with a list that is wrong, which is a fault of the configuration', { timeout: 60_000 }, async () => {
    await using folder = await freeFolder();
    const { end, said } = await refusedStart(folder.path, { MM_AUTO_REGISTER_MODELS: '[{"modelId":"m"}]' });
    assert.equal(end, 2, said);
    assert.match(said, /staticModels\.inline: invalid, expected \[0\]\.modelInfo: missing/);
  });

  it('registers none while the registry is read-only, and says so', { timeout: 60_000 }, async () => {
    const list = [{ modelId: 'a', modelInfo: { type: 'null', path: 'size 8192' }, ensureLoaded: true }];
    const environment = { MM_AUTO_REGISTER_MODELS: JSON.stringify(list), KV_READ_ONLY: 'true' };
    await using node = await NodeProcess.start({ flags: NULL_SERVER, environment });
    const line = await node.logged('static-models');
    assert.match(String(line.message), /1 configured models are not registered: the registry is read-only/);
    await assert.rejects(call(node, 'mm-model-id', 'a'), /model not found/);
  });
});

describe('§6.4 a node and what operators set in its registry', () => {
  it('starts with the level that is set, and not at all while it is disabled', { timeout: 60_000 }, async () => {
    await using folder = await freeFolder();
    const first = await NodeProcess.start({ flags: NULL_SERVER, folder: folder.path });
    await first.stop();
    await setParameter(folder.path, 'disable', 'true');
    const { end, said } = await refusedStart(folder.path, {});
    assert.equal(end, 1, said);
    assert.match(said, /the registry forbids nodes to start: .*\/config\/disable is "true"; delete it, or set it to false/);
    await setParameter(folder.path, 'disable', 'false');
    await setParameter(folder.path, 'log_each_invocation', 'true');
    await using second = await NodeProcess.start({ flags: NULL_SERVER, folder: folder.path });
    await assert.rejects(call(second, 'mm-model-id', 'nobody'));
    assert.match(String((await second.logged('call')).message), /any\.Service\/Call ended with NOT_FOUND/);
  });
});

describe('§6.5 a node with MM_METRICS=statsd', () => {
  it('tells an agent of its calls, over UDP', { timeout: 60_000 }, async () => {
    const agent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(agent, 'listening');
    const heard: string[] = [];
    const told = new Promise<void>((resolve) => {
      agent.on('message', (packet) => {
        heard.push(...String(packet).split('\n'));
        if (heard.some((line) => line.startsWith('modelmesh_api_request_statsd'))) resolve();
      });
    });
    const environment = { MM_METRICS: `statsd:port=${agent.address().port};fq_names=true` };
    await using node = await NodeProcess.start({ flags: NULL_SERVER, environment });
    await assert.rejects(call(node, 'mm-model-id', 'nobody'));
    await within(10_000, 'a packet', told);
    assert.ok(heard.includes('modelmesh_api_request_statsd#method=any.Service.Call,code=NOT_FOUND:1|c'), heard.join('\n'));
    agent.close();
  });
});
