import type { ExampleMesh } from './example-mesh.ts';
import { countsOf, countsText, follows } from './shares.ts';

const CALLS = 2000;

/** A new version gets a tenth of the calls, half of them, all of them; nobody sees an error, and every answer is of the policy in force. */
export async function canary(mesh: ExampleMesh): Promise<void> {
  await mesh.apply('models/iris-1/model.yaml');
  await mesh.apply('models/iris-2/model.yaml');
  const steps = [
    { file: 'canary/endpoint.yaml', shares: { stable: 0.9, canary: 0.1 } },
    { file: 'canary/half.yaml', shares: { stable: 0.5, canary: 0.5 } },
    { file: 'canary/promoted.yaml', shares: { canary: 1 } },
  ];
  const body = mesh.requestOf('iris-1');
  for (const { file, shares } of steps) {
    await mesh.apply(file);
    const answers = await mesh.callAll(CALLS, () => mesh.call('flowers', body));
    const counts = countsOf(answers);
    const { policy } = await mesh.rest.endpoint('flowers');
    mesh.tell(`${CALLS} calls: ${countsText(counts)}`);
    mesh.claim(
      'no call failed',
      answers.every(({ status }) => status === 200),
    );
    mesh.claim(`the split follows the weights of ${file}`, follows(counts, shares));
    const isCurrent = answers.every(({ revision }) => revision === String(policy?.revision));
    mesh.claim(`every answer is of revision ${policy?.revision}, the one that was applied`, isCurrent);
  }
  const old = await mesh.call('flowers/labels/stable', body);
  mesh.claim(
    'the old version has no share and still answers those that name it',
    old.variant === 'stable' && old.model === 'iris@1',
  );
}
