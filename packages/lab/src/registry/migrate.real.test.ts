import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EtcdProcess, etcdTools } from '@modelmesh/mesh/kv/testing';
import { freeFolder, NodeProcess, Program, programEnvironment } from '../node-process/index.ts';
import { JAVA_PLACE, javaEnvironment, javaRecords, liveJavaMesh } from './java-records.ts';

const tools = etcdTools(process.env);
const CLI = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url));

interface Ended {
  readonly code: number | string;
  readonly text: string;
}

interface Plan {
  readonly survey: {
    readonly instances: readonly { readonly id: string; readonly kind: string }[];
    readonly staleClaims: number;
  };
  readonly steps: readonly { readonly name: string; readonly state: string }[];
}

describe('a move from a live Java ModelMesh', { skip: tools.missing }, () => {
  let etcd: EtcdProcess;
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());

  const all = (): Promise<string> => etcd.ctl('get', '--prefix', '');
  /** Runs `mmesh migrate` in a folder that has a file with the connection. */
  async function migrate(workingFolder: string, ...args: readonly string[]): Promise<Ended> {
    const connection = { endpoints: `http://127.0.0.1:${etcd.port}`, root_prefix: JAVA_PLACE.root };
    writeFileSync(join(workingFolder, 'conn'), JSON.stringify(connection));
    const place = ['--from', 'etcd:./conn', '--prefix', JAVA_PLACE.prefix, '--service', JAVA_PLACE.service];
    const program = new Program({
      entry: CLI,
      args: ['migrate', args[0] ?? '', ...place, ...args.slice(1)],
      environment: programEnvironment(),
      workingFolder,
    });
    return { code: await program.ended, text: program.text.join('\n') };
  }
  const planIn = async (folder: string): Promise<Plan> => JSON.parse((await migrate(folder, 'plan', '-o', 'json')).text) as Plan;
  const stateOf = ({ steps }: Plan, name: string): string | undefined => steps.find((step) => step.name === name)?.state;

  it('§7.6 is planned without a write, waits while they live, and gives new nodes what they had registered', {
    timeout: 300_000,
  }, async () => {
    await using folder = await freeFolder();
    const lease = await liveJavaMesh(etcd);
    const before = await all();
    const planned = await planIn(folder.path);
    assert.deepEqual(
      planned.survey.instances.map(({ id, kind }) => [id, kind]),
      [['inst1', 'java']],
    );
    assert.equal(stateOf(planned, 'backup'), 'next');
    assert.equal(await all(), before, 'a plan writes nothing, not even a key of its own');
    const told = await migrate(folder.path, 'plan');
    assert.match(told.text, /2 models, 2 vmodels[\s\S]*Java instance inst1 at 127\.0\.0\.1, 2 models/);

    const waits = await migrate(folder.path, 'run');
    assert.equal(waits.code, 4, waits.text);
    assert.match(waits.text, /done: every record is in .*modelmesh-backup\.jsonl\nyour turn: Java instances live: inst1;/);
    assert.equal(await all(), before, 'nothing of theirs is changed while they live');
    assert.equal(stateOf(await planIn(folder.path), 'beside'), 'next');

    const environment = javaEnvironment(join(folder.path, 'conn'));
    const flags = { 'runtime-server': 'null' };
    const beside = await NodeProcess.start({ flags, environment: { ...environment, KV_READ_ONLY: 'true' } });
    assert.equal(stateOf(await planIn(folder.path), 'switch'), 'next');
    await beside.stop();
    await beside[Symbol.asyncDispose]();

    await etcd.ctl('lease', 'revoke', lease);
    const moved = await migrate(folder.path, 'run');
    assert.equal(moved.code, 0, moved.text);
    assert.match(
      moved.text,
      /nothing to do: .*is there and whole[\s\S]*done: 2 copies and failures of instances that are gone were taken out/,
    );
    assert.match(moved.text, /done: 2 models and 2 vmodels can be read/);
    const after = await all();
    assert.ok(!after.includes('"instanceIds"'), after);
    for (const [key, value] of javaRecords()) {
      if (!key.includes('/registry/')) continue;
      const { instanceIds: _gone, ...stays } = JSON.parse(value);
      assert.deepEqual(JSON.parse((await etcd.ctl('get', '--print-value-only', key)).trim()), stays, 'the rest is as it was');
    }
    const again = await migrate(folder.path, 'run');
    assert.match(again.text, /nothing to do: no model has a copy of an instance that is gone/);
    assert.equal(await all(), after, 'run again, it changes nothing');

    await using node = await NodeProcess.start({ flags, environment });
    const { items } = (await (await fetch(`${node.url}/api/v1/endpoints`)).json()) as {
      readonly items: readonly { name: string }[];
    };
    assert.deepEqual(items.map(({ name }) => name).sort(), ['i1', 'p1']);
  });

  it('copies to another store, whose claims are taken out there, and leaves theirs as it was', { timeout: 120_000 }, async () => {
    await using folder = await freeFolder();
    await etcd.ctl('del', '--prefix', '');
    await etcd.ctl('lease', 'revoke', await liveJavaMesh(etcd));
    const before = await all();
    const moved = await migrate(folder.path, 'run', '--to', 'sqlite:new.db');
    assert.equal(moved.code, 0, moved.text);
    assert.match(moved.text, /done: 4 records were copied to sqlite:new\.db\ndone: 2 copies and failures/);
    assert.equal(await all(), before);
    const backup = readFileSync(join(folder.path, 'modelmesh-backup.jsonl'), 'utf8');
    assert.match(backup, /instanceIds/, 'the backup has them as they were');
    const again = await migrate(folder.path, 'run', '--to', 'sqlite:new.db');
    assert.equal(again.code, 0, again.text);
  });
});
