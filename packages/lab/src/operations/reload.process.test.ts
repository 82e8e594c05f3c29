import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { eventually } from '../faults/index.ts';
import { freeFolder, type LogLine, NodeProcess } from '../node-process/index.ts';
import { Http2Connection } from './http2-connection.ts';

const START_MS = 30_000;
const UNIMPLEMENTED = '12';
const LIMITED = 'limits: {restBodyBytesMax: 2048}';
/** The id of the model in field 1 and in field 2 of a message. */
const [IN_FIELD_1, IN_FIELD_2] = [Uint8Array.of(0x0a, 1, 0x6d), Uint8Array.of(0x12, 1, 0x6d)];

const rules = (method: string, field: number): string =>
  JSON.stringify({ rpcConfigs: { [method]: { idExtractionPath: [field] } } });

describe('a running node whose configuration changes', { concurrency: false }, () => {
  let folder: Awaited<ReturnType<typeof freeFolder>>;
  let node: NodeProcess;
  let connection: Http2Connection;
  let [configPath, rulesPath] = ['', ''];

  const configure = (...lines: readonly string[]): void =>
    writeFileSync(configPath, `${[...lines, `dataPlane: {rulesFile: ${rulesPath}}`].join('\n')}\n`);
  const linesOf = (event: string): readonly LogLine[] => node.program.log.filter((line) => line.event === event);
  /** Does something and gives the lines with this event that came of it, at least one. */
  const thatLogs = async (event: string, act: () => void): Promise<readonly string[]> => {
    const known = linesOf(event).length;
    act();
    await eventually(
      `${event} is logged`,
      5000,
      () => (linesOf(event).length > known ? true : undefined),
      () => node.program.log.at(-1),
    );
    return linesOf(event)
      .slice(known)
      .map(({ message }) => String(message));
  };
  const hangUp = (): boolean => node.program.process.kill('SIGHUP');
  const call = async (path: string, message: Uint8Array): Promise<string> => (await connection.call(path, [message])).status;

  before(
    async () => {
      folder = await freeFolder();
      mkdirSync(join(folder.path, 'etc'));
      [configPath, rulesPath] = [join(folder.path, 'etc', 'mesh.yaml'), join(folder.path, 'etc', 'rules.json')];
      writeFileSync(rulesPath, rules('a.B/One', 1));
      configure();
      node = await NodeProcess.start({ folder: folder.path, flags: { 'runtime-server': 'null', config: configPath } });
      await node.client.unary(ModelMesh.method.registerModel, { modelId: 'm', modelInfo: { type: 'null', path: '' } });
      connection = new Http2Connection(node.url);
    },
    { timeout: START_MS },
  );

  after(async () => {
    connection[Symbol.dispose]();
    await node[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('takes over what is live when its file changes, and by SIGHUP', async () => {
    const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], data: ['x'.repeat(4096)] }] });
    const ask = async (): Promise<number> => (await connection.post('/v2/models/m/infer', body)).status;
    assert.notEqual(await ask(), 413);
    const [changed] = await thatLogs('config-changed', () => configure('log: {level: debug, calls: true}', LIMITED));
    assert.equal(changed, 'configuration 2 is in force: limits, logLevel, logEachInvocation changed');
    assert.equal(await ask(), 413);
    assert.equal(await call('/a.B/One', IN_FIELD_1), '0');
    await node.program.until((line) => line.event === 'call' && line.method === 'a.B/One', 'the line of the call', 5000);
    // Said at the level of the new configuration.
    assert.deepEqual(await thatLogs('config-unchanged', hangUp), ['the configuration was read again and says the same']);
  });

  it('says that what is frozen needs a restart, and changes nothing of what came with it', async () => {
    const lines = await thatLogs('config-kept', () =>
      configure('log: {level: info}', 'zone: other', 'limits: {loadQueueMax: 7}'),
    );
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /the configuration in force stays: zone .*restart it; limits\.loadQueueMax .*restart it$/);
    assert.equal(linesOf('config-changed').length, 1);
    assert.equal(await call('/a.B/One', IN_FIELD_1), '0');
  });

  it('keeps the configuration in force when the file is wrong or gone, says so in one line, and takes the next right one', async () => {
    const wrong = await thatLogs('config-kept', () => configure('log: {levle: info}', 'limits: {connectionsMax: many}'));
    assert.equal(wrong.length, 1);
    assert.match(wrong[0] ?? '', /stays: .*log\.levle .*did you mean level\?.*; .*|stays: .*limits\.connectionsMax/);
    const gone = await thatLogs('config-kept', () => rmSync(configPath));
    assert.match(gone[0] ?? '', /stays: the configuration file .*mesh\.yaml cannot be read: ENOENT$/);
    assert.equal((await thatLogs('config-kept', hangUp)).length, 1);
    assert.equal(await call('/a.B/One', IN_FIELD_1), '0');
    const [changed] = await thatLogs('config-changed', () => configure('log: {level: debug}', LIMITED));
    assert.equal(changed, 'configuration 3 is in force: logEachInvocation changed');
  });

  it('routes the next call by the rules that a changed file says, keeps them while it is wrong, and follows another source', async () => {
    assert.deepEqual([await call('/a.B/One', IN_FIELD_1), await call('/a.B/Two', IN_FIELD_2)], ['0', UNIMPLEMENTED]);
    await thatLogs('data-plane-rules-changed', () => writeFileSync(rulesPath, rules('a.B/Two', 2)));
    assert.deepEqual([await call('/a.B/One', IN_FIELD_1), await call('/a.B/Two', IN_FIELD_2)], [UNIMPLEMENTED, '0']);

    const [kept] = await thatLogs('data-plane-rules-kept', () => writeFileSync(rulesPath, '{'));
    assert.match(kept ?? '', /the old data-plane configuration stays: .*rules\.json: expected valid JSON/);
    assert.equal(await call('/a.B/Two', IN_FIELD_2), '0');

    const inline = `dataPlane: {rules: '${rules('a.B/Three', 1)}'}`;
    const [changed] = await thatLogs('config-changed', () =>
      writeFileSync(configPath, `log: {level: debug}\n${LIMITED}\n${inline}\n`),
    );
    assert.match(changed ?? '', /is in force: dataPlaneRules changed/);
    assert.deepEqual([await call('/a.B/Two', IN_FIELD_2), await call('/a.B/Three', IN_FIELD_1)], [UNIMPLEMENTED, '0']);
  });
});
