import type { ExampleMesh } from './example-mesh.ts';
import { countsOf, countsText, follows } from './shares.ts';

const CALLS = 500;

const STEPS = [
  { file: 'broken', shares: { prev: 1 }, says: 'a canary that cannot be loaded gets no calls, and nobody notices it' },
  { file: 'canary', shares: { latest: 0.2, prev: 0.8 }, says: 'a canary that can gets its share' },
  { file: 'promoted', shares: { latest: 1 }, says: 'without canaryTrafficPercent it has all calls' },
  { file: 'rolled-back', shares: { prev: 1 }, says: 'canaryTrafficPercent: 0 after that gives them back to the version before' },
];

/** KServe's `canaryTrafficPercent`: an unready candidate, a canary, its promotion and the way back, each an edit of one manifest. */
export async function kserveCanary(mesh: ExampleMesh): Promise<void> {
  const body = mesh.requestOf('iris-1');
  await mesh.apply('kserve-canary/first.yaml');
  const first = await mesh.callAll(CALLS, () => mesh.call('garden', body));
  mesh.claim(
    'the first version answers all calls',
    first.every(({ status }) => status === 200),
  );
  const rolledOut = first[0]?.model;
  for (const { file, shares, says } of STEPS) {
    await mesh.apply(`kserve-canary/${file}.yaml`);
    const answers = await mesh.callAll(CALLS, () => mesh.call('garden', body));
    const counts = countsOf(answers);
    mesh.tell(`${CALLS} calls: ${countsText(counts)}`);
    mesh.claim(says, answers.every(({ status }) => status === 200) && follows(counts, shares));
    const before = answers.filter(({ variant }) => variant === 'prev');
    mesh.claim(
      'the version before is the first one',
      before.every(({ model }) => model === rolledOut),
    );
  }
}
