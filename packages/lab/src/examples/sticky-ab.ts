import type { Answer, ExampleMesh } from './example-mesh.ts';
import { countsOf, countsText, follows, isChance, movesOf, movesText, percentText } from './shares.ts';

const USERS = 2000;
/** From 50:50 to 20:80. */
const MOVED_SHARE = 0.3;

/** Each user keeps a version; an edit of the weights moves as few users as can be, all of them one way. */
export async function stickyAb(mesh: ExampleMesh): Promise<void> {
  await mesh.apply('models/iris-1/model.yaml');
  await mesh.apply('models/iris-2/model.yaml');
  await mesh.apply('sticky-ab/endpoint.yaml');
  const first = await askEach(mesh);
  mesh.tell(`${USERS} users: ${countsText(countsOf(first))}`);
  mesh.claim('the users are split as the weights say', follows(countsOf(first), { a: 0.5, b: 0.5 }));
  const again = movesOf(first, await askEach(mesh));
  mesh.claim(`asking again, every user gets the same version (moved: ${movesText(again)})`, again.size === 0);

  await mesh.apply('sticky-ab/more-b.yaml');
  const edited = await askEach(mesh);
  const moves = movesOf(first, edited);
  const moved = [...moves.values()].reduce((sum, count) => sum + count, 0);
  mesh.tell(`after the edit: ${countsText(countsOf(edited))}; moved: ${movesText(moves)}`);
  mesh.claim('the users are split as the new weights say', follows(countsOf(edited), { a: 0.2, b: 0.8 }));
  mesh.claim('users moved from a, whose share fell, to b, and nobody the other way', [...moves.keys()].join() === 'a → b');
  const text = `${percentText(moved / USERS)} of the users moved; half of what the shares changed is ${percentText(MOVED_SHARE)}`;
  mesh.claim(text, isChance(moved, USERS, MOVED_SHARE));
}

function askEach(mesh: ExampleMesh): Promise<readonly Answer[]> {
  const body = mesh.requestOf('iris-1');
  return mesh.callAll(USERS, (user) => mesh.call('flowers', body, { 'x-user-id': `user-${user}` }));
}
