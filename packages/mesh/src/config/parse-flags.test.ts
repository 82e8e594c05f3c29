import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flagsHelp, parseFlags } from './index.ts';
import { flagOf } from './setting.ts';
import { SETTINGS } from './settings.ts';

describe('flags', () => {
  it('take their value from the next argument or after an equals sign', () => {
    const { flags, problems } = parseFlags(['--probes-port', '1', '--zone=a=b', '--labels=']);
    assert.deepEqual(
      [...flags],
      [
        ['--probes-port', '1'],
        ['--zone', 'a=b'],
        ['--labels', ''],
      ],
    );
    assert.deepEqual(problems, []);
  });

  it('that are true or false need no value, and take one', () => {
    const { flags, problems } = parseFlags(['--log-calls', '--metrics-per-model', 'false', '--metrics-process']);
    assert.deepEqual(
      [...flags],
      [
        ['--log-calls', 'true'],
        ['--metrics-per-model', 'false'],
        ['--metrics-process', 'true'],
      ],
    );
    assert.deepEqual(problems, []);
  });

  it('for the program itself are told apart', () => {
    const parsed = parseFlags(['--config', 'mesh.yaml', '--help', '--version']);
    assert.equal(parsed.configPath, 'mesh.yaml');
    assert.deepEqual([parsed.help, parsed.version, parsed.flags.size], [true, true, 0]);
  });

  it('without a value, given twice, or none at all are problems', () => {
    const { problems } = parseFlags(['--zone', '--probes-port=1', '--probes-port=2', 'serve', '--', '-x']);
    assert.deepEqual(
      problems.map(({ name, expected }) => [name, expected]),
      [
        ['--zone', 'one value, once'],
        ['--probes-port', 'one value, once'],
        ['serve', 'flags such as --log-level debug'],
        ['--', 'flags such as --log-level debug'],
        ['-x', 'flags such as --log-level debug'],
      ],
    );
  });

  it('are all explained in one line each', () => {
    const help = flagsHelp().split('\n');
    for (const { path } of Object.values(SETTINGS)) {
      const lines = help.filter((line) => line.trimStart().startsWith(`${flagOf(path)} `));
      assert.equal(lines.length, 1, path);
    }
  });
});
