import { importSeldon, problemText } from '@modelmesh/core/manifest';
import type { ExampleMesh } from './example-mesh.ts';
import { countsOf, countsText, follows } from './shares.ts';

const CALLS = 500;
/** Calls by which a client that keeps its route is told from one that is lucky. */
const CALLS_OF_A_CLIENT = 60;
const ROUTE = 'x-seldon-route';

/** A model and an experiment of Seldon Core 2, imported: the same name, the same shares, and routes that clients keep. */
export async function seldon(mesh: ExampleMesh): Promise<void> {
  for (const file of ['seldon/models.yaml', 'seldon/experiment.yaml']) {
    await mesh.apply(file, (value) => {
      const imported = importSeldon(value);
      if (imported.kind === 'refused') throw new Error(imported.problems.map(problemText).join('\n'));
      return imported.kind === 'manifest' ? imported.manifest : undefined;
    });
  }
  const body = mesh.requestOf('iris-1');
  const answers = await mesh.callAll(CALLS, () => mesh.call('petals', body));
  const counts = countsOf(answers);
  mesh.tell(`${CALLS} calls: ${countsText(counts)}`);
  mesh.claim('the calls are split as the experiment says', follows(counts, { petals: 0.7, 'petals-next': 0.3 }));
  const chosen = answers.find(({ variant, headers }) => variant === 'petals-next' && headers.has(ROUTE));
  const route = chosen?.headers.get(ROUTE) ?? '';
  mesh.claim(`an answer brings ${ROUTE}`, route !== '');
  const kept = await mesh.callAll(CALLS_OF_A_CLIENT, () => mesh.call('petals', body, { [ROUTE]: route }));
  mesh.claim(
    'a client that brings it back keeps its variant',
    kept.every(({ variant }) => variant === 'petals-next'),
  );
  const forged = await mesh.callAll(CALLS_OF_A_CLIENT, () => mesh.call('petals', body, { [ROUTE]: ':petals-next_1:' }));
  mesh.claim(
    'a route that a client made up chooses nothing',
    forged.some(({ variant }) => variant === 'petals'),
  );
}
