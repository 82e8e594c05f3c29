/** The tiers of the tests: which suites belong to each, how it is run, and how long it may take. */

/** How the suites of one kind are run. */
export interface Stage {
  /** The word before `.test.ts` in a suite's name; `''` for suites without one. */
  readonly word: '' | 'process' | 'timing' | 'real' | 'proof';
  readonly what: string;
  /** `none`: all suites in one process; `process`: each suite in its own. */
  readonly isolation: 'none' | 'process';
  /** Suites at the same time. */
  readonly concurrency: number;
}

/** A set of stages that one command runs in order. */
export interface Tier {
  readonly name: 'fast' | 'real' | 'proof';
  readonly command: string;
  readonly stages: readonly Stage[];
  /** The runner ends the tier, as failed, after so many minutes. */
  readonly minutesMax: number;
  readonly needs: string;
}

/** The three tiers. A suite belongs to the one whose stage has the word of its name. */
export const TIERS: readonly Tier[] = [
  {
    name: 'fast',
    command: 'npm test',
    stages: [
      { word: '', what: 'pure, in process, the house rules among them', isolation: 'none', concurrency: 1 },
      { word: 'process', what: 'starts processes, real sockets and files', isolation: 'process', concurrency: 2 },
      { word: 'timing', what: 'measures, so it runs alone and last', isolation: 'process', concurrency: 1 },
    ],
    minutesMax: 15,
    needs: 'nothing',
  },
  {
    name: 'real',
    command: 'npm run test:real',
    stages: [{ word: 'real', what: 'foreign clients and systems', isolation: 'process', concurrency: 1 }],
    minutesMax: 25,
    needs: 'Python 3.11 or newer with venv, Go, etcd, chromedriver, nginx, h2load',
  },
  {
    name: 'proof',
    command: 'npm run proof',
    stages: [
      {
        word: 'proof',
        what: 'long runs: overcommit, bursts, figures of a mesh on etcd, nodes, runtimes, etcd and networks that go under 100 000 calls each, a registry killed and damaged at random points, histories of the cache, 10 000 seeds of the simulation and its planted bugs, 20 minutes of mixed load',
        isolation: 'process',
        concurrency: 1,
      },
    ],
    minutesMax: 145,
    needs: 'etcd, and a machine that does nothing else: it measures',
  },
];

const WORDS = ['process', 'timing', 'real', 'proof'] as const;

/** The stage words in the name of a suite, in the order of the name: none for a pure suite. */
export const stageWords = (path: string): readonly Exclude<Stage['word'], ''>[] => {
  const parts = (path.split('/').at(-1) ?? '').split('.').slice(1, -2);
  return parts.flatMap((part) => WORDS.filter((word) => word === part));
};

/** Whether a suite is run in `stage`. */
export const belongsTo = (stage: Stage, path: string): boolean => (stageWords(path).at(-1) ?? '') === stage.word;

/** The table of the tiers for `packages/lab/README.md`. */
export const tierTable = (): string =>
  [
    '| tier | command | suites | at most | needs |',
    '| --- | --- | --- | --- | --- |',
    ...TIERS.map(
      (tier) =>
        `| ${tier.name} | \`${tier.command}\` | ${tier.stages.map(describe).join('; ')} | ${tier.minutesMax} min | ${tier.needs} |`,
    ),
  ].join('\n');

const describe = (stage: Stage): string => `\`*${stage.word === '' ? '' : `.${stage.word}`}.test.ts\`: ${stage.what}`;
