import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Kv, kvStores } from '@modelmesh/mesh/kv';
import { EtcdProcess, etcdTools, list } from '@modelmesh/mesh/kv/testing';
import { freeFolder, NodeProcess, Program, programEnvironment, realClock } from '../node-process/index.ts';
import { registerNull, startOnEtcd } from './etcd-node.ts';
import { JAVA_PLACE, javaRecords, liveJavaMesh } from './java-records.ts';

const tools = etcdTools(process.env);
const TOOL = fileURLToPath(new URL('../../../mesh/src/registry-tool/main.ts', import.meta.url));
const CLI = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url));
const MODELS = 20_000;

interface Ended {
  readonly code: number | string;
  readonly text: string;
}

/** Runs `mmesh` in a folder. */
async function mmesh(workingFolder: string, ...args: readonly string[]): Promise<Ended> {
  const program = new Program({ entry: CLI, args, environment: programEnvironment(), workingFolder });
  return { code: await program.ended, text: program.text.join('\n') };
}

const recordOf = (at: number): readonly [string, string] => [
  `registry/model-${String(at).padStart(6, '0')}`,
  JSON.stringify({ type: 'mt:onnx', mPath: `models/${at}`, encKey: '{"storage_key":"geheim"}', lu: at, later: { at } }),
];

async function fill(kv: Kv, base: string, count: number): Promise<void> {
  for (let first = 0; first < count; first += 100) {
    const operations = Array.from({ length: Math.min(100, count - first) }, (_, at) => {
      const [path, value] = recordOf(first + at);
      return { kind: 'put', key: `${base}${path}`, value } as const;
    });
    assert.equal((await kv.txn({ conditions: [], operations })).kind, 'committed');
  }
}

describe('a registry between etcd, SQLite and files', { skip: tools.missing }, () => {
  let etcd: EtcdProcess;
  let kv: Kv;
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
    kv = await kvStores.etcd({ location: '', clock: realClock, etcd: { endpoints: [etcd.endpoint], rootPrefix: '' } });
  });
  after(async () => {
    await kv?.close();
    await etcd?.dispose();
  });

  it(`moves ${MODELS} models, goes on where it was killed in the middle, and gives the same digest everywhere`, {
    timeout: 300_000,
  }, async () => {
    await using folder = await freeFolder();
    const [place, service] = [`etcd:http://127.0.0.1:${etcd.port}`, ['--service', 'big']];
    await fill(kv, '/tas-runtime/big/', MODELS);
    const exported = await mmesh(folder.path, 'registry', 'export', '--from', place, ...service, '--to', 'big.jsonl');
    assert.equal(exported.code, 0, exported.text);
    assert.match(exported.text, /^20000 models in big\.jsonl$/m);
    assert.ok(!exported.text.includes('geheim'));
    const digest = /^sha256:[0-9a-f]{64}$/m.exec(exported.text)?.[0] ?? assert.fail(exported.text);

    const killed = new Program({
      entry: TOOL,
      args: ['transfer', '--from', 'big.jsonl', '--to', place, '--service', 'copy'],
      environment: programEnvironment(),
      workingFolder: folder.path,
    });
    const count = async (): Promise<number> => (await list(kv, '/tas-runtime/copy/', 10_000)).pairs.length;
    while ((await list(kv, '/tas-runtime/copy/registry/model-0001', 1)).pairs.length === 0)
      assert.ok(!killed.hasEnded, 'it is killed while it writes');
    await killed.kill('SIGKILL');
    const half = await count();
    assert.ok(half > 0 && half < MODELS && half % 100 === 0, `whole batches, and not all of them: ${half}`);

    const startedMs = realClock.monotonicMs();
    const imported = await mmesh(folder.path, 'registry', 'import', 'big.jsonl', '--to', place, '--to-service', 'copy');
    assert.equal(imported.code, 0, imported.text);
    console.log(
      `the rest of ${MODELS} models, from ${half} on, in ${Math.round(realClock.monotonicMs() - startedMs)} ms, start included`,
    );
    assert.match(imported.text, new RegExp(`^${MODELS - half} added, ${half} there already; read back and equal$`, 'm'));
    assert.ok(imported.text.includes(digest));

    const copied = await mmesh(folder.path, 'registry', 'copy', '--from', place, '--service', 'copy', '--to', 'sqlite:copy.db');
    assert.equal(copied.code, 0, copied.text);
    assert.ok(copied.text.includes(digest));
    const back = await mmesh(
      folder.path,
      'registry',
      'export',
      '--from',
      'sqlite:copy.db',
      '--service',
      'copy',
      '--to',
      'back.jsonl',
    );
    assert.equal(back.code, 0, back.text);
    const lines = (name: string): readonly string[] => readFileSync(join(folder.path, name), 'utf8').split('\n').slice(1);
    assert.deepEqual(lines('back.jsonl'), lines('big.jsonl'), 'every record is what it was, byte for byte');
  });

  it('leaves out what belongs to the sessions of a recorded ModelMesh, and changes nothing there', {
    timeout: 120_000,
  }, async () => {
    await using folder = await freeFolder();
    await liveJavaMesh(etcd);
    const before = await etcd.ctl('get', '--prefix', 'mms/');
    const connection = { endpoints: `http://127.0.0.1:${etcd.port}`, root_prefix: JAVA_PLACE.root };
    writeFileSync(join(folder.path, 'conn'), JSON.stringify(connection));
    const place = ['--from', 'etcd:./conn', '--prefix', JAVA_PLACE.prefix, '--service', JAVA_PLACE.service];
    const exported = await mmesh(folder.path, 'registry', 'export', ...place, '--to', 'java.jsonl');
    assert.equal(exported.code, 0, exported.text);
    assert.match(exported.text, /^2 models, 2 endpoints in java\.jsonl$/m);
    assert.match(exported.text, /^left out, since they end with their sessions: 1 instances, 1 leaders$/m);
    assert.equal(await etcd.ctl('get', '--prefix', 'mms/'), before);
    const values = readFileSync(join(folder.path, 'java.jsonl'), 'utf8')
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line).value);
    const wanted = [...javaRecords()].filter(([key]) => /\/(registry|vmodels)\//.test(key)).map(([, value]) => value);
    assert.deepEqual(values.sort(), wanted.sort());
  });

  it('refuses a target that nodes write to, and takes it when they are gone; a node serves what came', {
    timeout: 180_000,
  }, async () => {
    await using folder = await freeFolder();
    await using node = await startOnEtcd(etcd, { flags: { 'service-name': 'live' } });
    await registerNull(node, 'm');
    const place = `etcd:http://127.0.0.1:${etcd.port}`;
    await mmesh(folder.path, 'registry', 'export', '--from', place, '--service', 'live', '--to', 'live.jsonl');
    const refused = await mmesh(folder.path, 'registry', 'import', 'live.jsonl', '--to', place);
    assert.equal(refused.code, 1);
    assert.match(refused.text, /nodes write to the target \(tas-runtime\/live\): lab-node; stop them/);
    await node.stop();
    const taken = await mmesh(folder.path, 'registry', 'import', 'live.jsonl', '--to', place, '--replace');
    assert.equal(taken.code, 0, taken.text);
    const moved = await mmesh(folder.path, 'registry', 'copy', '--from', place, '--service', 'live', '--to', 'sqlite:moved.db');
    assert.equal(moved.code, 0, moved.text);
    const flags = { 'runtime-server': 'null', 'service-name': 'live', 'registry-path': join(folder.path, 'moved.db') };
    await using alone = await NodeProcess.start({ flags });
    assert.equal((await fetch(`${alone.url}/api/v1/models/m`)).status, 200);
  });
});
