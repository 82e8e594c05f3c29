import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EtcdProcess, etcdTools } from '@modelmesh/mesh/kv/testing';
import { within } from '../faults/index.ts';
import { freeFolder, NodeProcess, startNodeProgram } from '../node-process/index.ts';
import { JAVA_PLACE, javaEnvironment, liveJavaMesh } from './java-records.ts';

const tools = etcdTools(process.env);

describe('a node beside a live Java ModelMesh', { skip: tools.missing }, () => {
  let etcd: EtcdProcess;
  before(async () => {
    etcd = await EtcdProcess.alone(tools);
  });
  after(() => etcd?.dispose());

  it('§7.6 refuses to start, starts where it may not write, and starts when they are gone', { timeout: 180_000 }, async () => {
    const lease = await liveJavaMesh(etcd);
    await using folder = await freeFolder();
    const file = join(folder.path, 'etcd_connection');
    writeFileSync(file, JSON.stringify({ endpoints: `http://127.0.0.1:${etcd.port}`, root_prefix: JAVA_PLACE.root }));
    const environment = javaEnvironment(file);
    const flags = { 'runtime-server': 'null' };

    const refused = startNodeProgram(folder.path, { flags, environment });
    assert.equal(await within(60_000, 'a start that is refused', refused.ended), 1);
    assert.match(refused.text.join('\n'), /Java ModelMesh live in this registry: inst1; stop them first/);

    const beside = await NodeProcess.start({ flags, environment: { ...environment, KV_READ_ONLY: 'true' } });
    try {
      const { items } = (await (await fetch(`${beside.url}/api/v1/models`)).json()) as { readonly items: readonly unknown[] };
      assert.equal(items.length, 2, 'it serves what they registered');
    } finally {
      await beside[Symbol.asyncDispose]();
    }

    await etcd.ctl('lease', 'revoke', lease);
    await using alone = await NodeProcess.start({ flags, environment });
    assert.equal((await fetch(`${alone.url}/v2/health/ready`)).status, 200);
  });
});
