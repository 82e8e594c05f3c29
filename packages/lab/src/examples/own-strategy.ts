import { fileURLToPath } from 'node:url';
import type { NodeProcessOptions } from '../node-process/index.ts';
import type { Answer, ExampleMesh } from './example-mesh.ts';
import { countsOf, countsText, follows } from './shares.ts';

const CALLS = 500;
/** So many rounds of calls a strategy that learns is given to come to its mind. */
const ROUNDS_MAX = 200;
const CALLS_A_ROUND = 100;

/** How the node of this example is started. */
export const OWN_STRATEGY_NODE: NodeProcessOptions = {
  flags: {
    plugins: fileURLToPath(new URL('../../../../examples/own-strategy/strategies.mjs', import.meta.url)),
    'strategies-period': '200ms',
    // On a machine that does many other things too.
    'strategies-pick-wait-max': '500ms',
    'strategies-pick-budget-microseconds': '1000000',
  },
};

/** Strategies of one's own choose in the path of requests, and set weights from what came of the calls. */
export async function ownStrategy(mesh: ExampleMesh): Promise<void> {
  await mesh.apply('models/iris-1/model.yaml');
  await mesh.apply('models/iris-2/model.yaml');
  await mesh.apply('own-strategy/by-amount.yaml');
  const call = (amount: string) => mesh.call('orders', mesh.requestOf('iris-1'), { 'x-amount': amount });
  // Weights decide until the strategy's thread runs.
  while (((await call('5000')).variant ?? '') !== 'careful');
  const large = await mesh.callAll(CALLS, (at) => call(String(1000 + at)));
  mesh.tell(`${CALLS} large orders: ${countsText(countsOf(large))}`);
  mesh.claim('every large order goes to the careful version', large.every(isFrom('careful')));
  const small = await mesh.callAll(CALLS, (at) => call(String(at)));
  mesh.tell(`${CALLS} small orders: ${countsText(countsOf(small))}`);
  mesh.claim('small ones are left to the weights, 90 to 10', follows(countsOf(small), { quick: 0.9, careful: 0.1 }));

  await mesh.apply('own-strategy/careful.yaml');
  const half = await untilShared(mesh);
  mesh.tell(`calls of the last round: ${countsText(countsOf(half))}`);
  mesh.claim('a version that has proven itself gets half of the calls, by weights that the strategy set', half.length > 0);
}

const isFrom =
  (variant: string) =>
  (answer: Answer): boolean =>
    answer.status === 200 && answer.variant === variant;

/** The first round in which the new version has a share that only its second weights can give. */
async function untilShared(mesh: ExampleMesh): Promise<readonly Answer[]> {
  const body = mesh.requestOf('iris-1');
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const answers = await mesh.callAll(CALLS_A_ROUND, () => mesh.call('flowers', body));
    if ((countsOf(answers).get('new') ?? 0) >= 40) return answers;
  }
  return [];
}
