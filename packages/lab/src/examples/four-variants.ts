import type { Answer, ExampleMesh } from './example-mesh.ts';
import { countsOf, countsText, follows, isChance, movesOf, movesText, percentText } from './shares.ts';

const USERS = 2000;
const BEFORE = { linear: 0.4, 'linear-again': 0.3, network: 0.2, 'network-again': 0.1 };
const AFTER = { linear: 0.3, 'linear-again': 0.25, network: 0.35, 'network-again': 0.1 };
/** Half of what the shares changed. */
const MOVED_SHARE = 0.15;

/** Four versions at once; an edit of three shares leaves the users of the fourth, and all others that need not move, where they are. */
export async function fourVariants(mesh: ExampleMesh): Promise<void> {
  await mesh.apply('models/iris-1/model.yaml');
  await mesh.apply('models/iris-2/model.yaml');
  await mesh.apply('four-variants/models.yaml');
  await mesh.apply('four-variants/endpoint.yaml');
  const first = await askEach(mesh);
  mesh.tell(`${USERS} users: ${countsText(countsOf(first))}`);
  mesh.claim('the split follows the weights, which need not sum to 100', follows(countsOf(first), BEFORE));
  const body = mesh.requestOf('iris-1');
  const labelled = await mesh.call('flowers/labels/canary', body);
  mesh.claim('a label names its variant, whatever the weights say', labelled.variant === 'network');

  await mesh.apply('four-variants/edited.yaml');
  const edited = await askEach(mesh);
  const moves = movesOf(first, edited);
  const moved = [...moves.values()].reduce((sum, count) => sum + count, 0);
  mesh.tell(`after the edit: ${countsText(countsOf(edited))}; moved: ${movesText(moves)}`);
  mesh.claim('the split follows the new weights', follows(countsOf(edited), AFTER));
  const allowed = new Set(['linear → network', 'linear-again → network']);
  mesh.claim(
    'users moved only from shares that fell to the one that rose',
    [...moves.keys()].every((move) => allowed.has(move)),
  );
  const text = `${percentText(moved / USERS)} of the users moved; half of what the shares changed is ${percentText(MOVED_SHARE)}`;
  mesh.claim(text, isChance(moved, USERS, MOVED_SHARE));
}

function askEach(mesh: ExampleMesh): Promise<readonly Answer[]> {
  const body = mesh.requestOf('iris-1');
  return mesh.callAll(USERS, (user) => mesh.call('flowers', body, { 'x-user-id': `user-${user}` }));
}
