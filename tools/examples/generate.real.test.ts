import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { ROOT } from '../run-steps.ts';
import { readExamples } from './example-files.ts';

const run = promisify(execFile);
const python = process.env.MESH_TEST_GENERATOR;
const skip =
  python === undefined
    ? (process.env.MESH_TEST_MISSING ?? 'the libraries that make the example models are not prepared')
    : process.arch !== 'x64' && 'the example models were made on x64, and other processors round otherwise';
/** Trains nine small models. */
const TRAINING_MS_MAX = 300_000;
/** Says which kernels of OpenBLAS this processor gets. */
const KERNELS = 'import scipy.linalg, threadpoolctl; print(*{x["architecture"] for x in threadpoolctl.threadpool_info()})';
/** Those that the models in the repository were trained with. */
const KERNELS_USED = 'SkylakeX';
/** Models whose training or answers go through OpenBLAS, which sums in another order on other processors. */
const THROUGH_BLAS = new Set(['iris-1', 'iris-2', 'digits', 'digits-int8', 'licences']);

it('examples/models is what generate.py makes, to the byte: models, manifests, answers and READMEs', {
  skip,
  timeout: TRAINING_MS_MAX,
}, async (context) => {
  const ask = async (...args: readonly string[]): Promise<string> => {
    const command = run(python ?? '', args, { cwd: ROOT });
    // It ends with 1 when something differs.
    return (await command.catch(({ stdout, message }) => ({ stdout: stdout || message }))).stdout.trim();
  };
  const kernels = await ask('-c', KERNELS);
  const mayDiffer = kernels === KERNELS_USED ? new Set<string>() : THROUGH_BLAS;

  const lines = (await ask('examples/generate/generate.py', '--check')).split('\n');

  const verdicts = lines.flatMap((line) => [...line.matchAll(/^(same|DIFFERS) +(([\w-]+)\/\S+)$/g)]);
  const files = readExamples(`${ROOT}/examples/models`).length * 4;
  assert.equal(verdicts.length, files, `four files of each model are compared:\n${lines.join('\n')}`);
  const differing = verdicts.filter(([, verdict, , model = '']) => verdict === 'DIFFERS' && !mayDiffer.has(model));
  assert.deepEqual(
    differing.map(([, , file]) => file),
    [],
  );
  context.diagnostic(
    `OpenBLAS for ${kernels}: ${mayDiffer.size === 0 ? 'all' : `all but ${[...mayDiffer].join(', ')}`} compared`,
  );
});
