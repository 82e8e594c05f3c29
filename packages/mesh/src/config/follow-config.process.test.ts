import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { createLog } from '../log/index.ts';
import { systemClock } from '../node/index.ts';
import { type ConfigSources, followConfig, LiveConfig, parseConfig } from './index.ts';

function followed(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-config-'));
  const path = join(folder, 'mesh.yaml');
  writeFileSync(path, 'log: {level: info}\n');
  const sources = (): ConfigSources => ({
    yaml: { path, text: readFileSync(path, 'utf8') },
    env: {},
    flags: new Map(),
    machine: { hostName: 'm', tempFolder: '/tmp' },
    checks: [],
  });
  const parsed = parseConfig(sources());
  assert.ok(parsed.ok);
  const live = new LiveConfig({ config: parsed.config, sources });
  const lines: Readonly<Record<string, unknown>>[] = [];
  let onLine: () => void = () => {};
  const sink = {
    write: (line: string): void => {
      lines.push(JSON.parse(line));
      onLine();
    },
  };
  const log = createLog({ level: 'trace', instance: 'i', service: 's', sink });
  const revisions: number[] = [];
  const config = followConfig({ live, path, clock: systemClock, log, changed: ({ revision }) => revisions.push(revision) });
  context.after(() => {
    config.stop();
    rmSync(folder, { recursive: true });
  });
  const logged = async (event: string): Promise<string> => {
    while (!lines.some((line) => line.event === event))
      await new Promise<void>((resolve) => {
        onLine = resolve;
      });
    return lines
      .splice(0)
      .map((line) => line.message)
      .join('\n');
  };
  return { path, live, config, revisions, logged };
}

it('a configuration follows its file: good changes are told, bad ones are logged and leave it as it was', async (context) => {
  const { path, live, config, revisions, logged } = followed(context);
  writeFileSync(path, 'log: {level: debug}\n');
  assert.match(await logged('config-changed'), /configuration 2 is in force: logLevel changed/);
  writeFileSync(path, 'log: {levle: trace}\nlimits: {connectionsMax: many}\n');
  assert.match(
    await logged('config-kept'),
    /^the configuration in force stays: .*did you mean level.*; limits\.connectionsMax .*$/,
  );
  assert.deepEqual([live.current.logLevel, revisions], ['debug', [2]]);
  rmSync(path);
  config.reload();
  assert.match(await logged('config-kept'), /the configuration in force stays/);
  writeFileSync(path, 'log: {level: warn}\n');
  await logged('config-changed');
  assert.deepEqual([live.current.logLevel, revisions], ['warn', [2, 3]]);
  config.reload();
  await logged('config-unchanged');
});
