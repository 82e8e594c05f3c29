import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { within } from '../faults/index.ts';
import { freeFolder, startNodeProgram } from '../node-process/index.ts';

const START_MS = 30_000;

it('a node that is told to reload while it starts starts, and then reloads', { timeout: 60_000 }, async () => {
  await using folder = await freeFolder();
  // A pipe for a file: whoever opens it for writing waits until the node reads, and the node until it is written.
  const configPath = join(folder.path, 'mesh.yaml');
  execFileSync('mkfifo', [configPath]);
  const program = startNodeProgram(folder.path, { flags: { 'runtime-server': 'null', config: configPath } });
  try {
    const first = await within(START_MS, 'the first look at the configuration', open(configPath, 'w'));
    program.process.kill('SIGHUP');
    await first.writeFile('log: {level: info}\n');
    await first.close();
    await program.until((line) => line.event === 'reload-later', 'the postponed reload', START_MS);
    const second = await within(START_MS, 'the second look at the configuration', open(configPath, 'w'));
    await second.writeFile('log: {level: debug}\n');
    await second.close();
    const changed = await program.until((line) => line.event === 'config-changed', 'the reload', START_MS);
    assert.match(String(changed.message), /^configuration 2 is in force: logLevel/);
  } finally {
    await program.kill('SIGKILL');
  }
});
