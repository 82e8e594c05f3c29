/** `npm run check`: types, the build for shipping, format and lint, the rules of the house. Each step runs even if one before failed. */
import { run, type Step } from './run-steps.ts';

const steps: readonly Step[] = [
  { name: 'types of sources and tests', program: 'tsc', args: ['-p', 'tsconfig.check.json'] },
  { name: 'types of what is shipped', program: 'tsc', args: ['-b'] },
  {
    name: 'format and lint',
    program: 'biome',
    args: ['ci', '--error-on-warnings', '--colors=off', '--max-diagnostics=200', '.'],
  },
  {
    name: 'rules of the house',
    program: 'node',
    args: ['--conditions=mesh-source', '--test', '--test-reporter=dot', 'tools/tidy/**/*.test.ts'],
  },
];

process.exitCode = run(steps);
