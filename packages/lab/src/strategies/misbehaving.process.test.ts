import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freeFolder, type LogLine, scrape, startNodeProgram } from '../node-process/index.ts';
import { PluginNode, pluginModule } from './plugin-node.ts';

const elsewhere = process.platform === 'linux' ? false : 'ports are shared by several workers on Linux alone';
/** A strategy that answers is never taken for a slow one, on whatever machine. */
const PATIENT = { 'strategies-pick-budget-microseconds': '1000000', 'strategies-pick-wait-max': '500ms' };
const ANSWERS = ['picked', 'left', 'threw', 'late'];
const QUICK_WEIGHTS = { 'strategies-period': '100ms', 'strategies-weights-wait-max': '300ms' };

/** The first line that says that the strategy is barred, and why. */
const barred = (plugins: PluginNode, strategy: string): Promise<LogLine> =>
  plugins.node.program.until(
    (line) => line.event === 'strategy-barred' && line.strategy === strategy,
    `${strategy} barred`,
    60_000,
  );

const said = (plugins: PluginNode, event: string, strategy: string): Promise<LogLine> =>
  plugins.node.program.until((line) => line.event === event && line.strategy === strategy, `${event} of ${strategy}`, 60_000);

/** Names of what came of calls: anything but a variant is a call that was lost. */
const outcomes = (counts: ReadonlyMap<string, number>): readonly string[] => [...counts.keys()].toSorted();

for (const [workers, skip] of [
  ['1', false],
  ['2', elsewhere],
] as const) {
  describe(`strategies in the path of requests that misbehave, with ${workers} workers`, { skip }, () => {
    for (const [strategy, reason, flags] of [
      ['pick-throws', 'throws', PATIENT],
      ['pick-nonsense', 'throws', PATIENT],
      ['pick-slow', 'slow', { 'strategies-pick-wait-max': '500ms' }],
      ['pick-endless', 'endless', {}],
    ] as const)
      it(`${strategy}: no call is lost, weights decide, it is barred and reported`, { timeout: 120_000 }, async () => {
        await using plugins = await PluginNode.start(['misbehaving'], { ...flags, workers });
        await plugins.apply(strategy);
        const counts = await plugins.callUntil(strategy, barred(plugins, strategy));
        assert.ok(
          outcomes(counts).every((name) => name === 'a' || name === 'b'),
          `${JSON.stringify([...counts])}`,
        );
        const page = await scrape(plugins.node);
        assert.equal(page.get(`mesh_strategy_barred{strategy="${strategy}",reason="${reason}"}`), 1);
        // Barred, it is not asked any more; the node goes on, and both variants get their calls.
        const asked = async (): Promise<readonly (number | undefined)[]> => {
          const now = await scrape(plugins.node);
          return ANSWERS.map((kind) => now.get(`mesh_strategy_answers_total{strategy="${strategy}",outcome="${kind}"}`));
        };
        const before = await asked();
        const seen = new Set<string>();
        while (seen.size < 2) seen.add(await plugins.call(strategy));
        assert.deepEqual(await asked(), before);
        assert.equal(page.get('mesh_worker_restarts_total{reason="silent"}') ?? 0, 0, 'no worker was given up for it');
      });
  });
}

describe('strategies that set weights and misbehave', () => {
  for (const [strategy, event] of [
    ['weights-throws', 'strategy-threw'],
    ['weights-nonsense', 'strategy-threw'],
    ['weights-endless', 'strategy-barred'],
    ['weights-never', 'strategy-barred'],
  ] as const)
    it(`${strategy}: no call is lost, the last weights stay, and it is reported`, { timeout: 120_000 }, async () => {
      await using plugins = await PluginNode.start(['misbehaving'], QUICK_WEIGHTS);
      await plugins.apply(strategy, {}, [1, 0]);
      const counts = await plugins.callUntil(strategy, said(plugins, event, strategy));
      assert.deepEqual(outcomes(counts), ['a']);
    });
});

describe('strategies as they should be', () => {
  it('choose in the path of requests, and leave the others to the weights', { timeout: 120_000 }, async () => {
    await using plugins = await PluginNode.start(['behaving'], PATIENT);
    await plugins.apply('by-header', { header: 'x-variant' }, [1, 1]);
    // Until its thread runs, weights decide.
    while (
      (await plugins.call('by-header', ['x-variant', 'b'])) !== 'b' ||
      (await plugins.call('by-header', ['x-variant', 'a'])) !== 'a'
    );
    for (let at = 0; at < 50; at++) {
      const wanted = at % 2 === 0 ? 'a' : 'b';
      assert.equal(await plugins.call('by-header', ['x-variant', wanted]), wanted);
    }
    const seen = new Set<string>();
    while (seen.size < 2) seen.add(await plugins.call('by-header', ['x-variant', 'neither']));
  });

  it('set weights, which a later policy takes back', { timeout: 120_000 }, async () => {
    await using plugins = await PluginNode.start(['behaving'], QUICK_WEIGHTS);
    await plugins.apply('all-to-b');
    const calls = async (): Promise<ReadonlySet<string>> => {
      const seen = new Set<string>();
      for (let at = 0; at < 40; at++) seen.add(await plugins.call('all-to-b'));
      return seen;
    };
    while ((await calls()).has('a'));
    assert.deepEqual([...(await calls())], ['b']);
  });
});

describe('a node', () => {
  it('does not start with plug-ins that are not there or are none, and says which and why', { timeout: 120_000 }, async () => {
    for (const [module, why] of [
      [pluginModule('missing'), /plug-in \S+missing\.ts: it cannot be loaded/],
      [pluginModule('../plugin-node'), /plug-in \S+: it exports nothing by default/],
    ] as const) {
      await using folder = await freeFolder();
      const program = startNodeProgram(folder.path, { flags: { 'runtime-server': 'null', plugins: module } });
      const end = await program.ended;
      assert.equal(end, 1);
      assert.match(program.text.join('\n'), why);
    }
  });

  it('refuses a policy whose strategy nobody knows, and names those that it knows', { timeout: 120_000 }, async () => {
    await using plugins = await PluginNode.start(['behaving']);
    await assert.rejects(
      plugins.apply('by-heder'),
      /expected one of weighted, sticky, least-loaded, epsilon-greedy, thompson, by-header, all-to-b/,
    );
  });
});
