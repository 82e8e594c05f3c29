import type { Answer, ExampleMesh } from './example-mesh.ts';
import { countsOf, countsText, follows } from './shares.ts';

const CALLS = 500;

/** One tenant gets the new version, a region half of it, everybody else the old one. */
export async function headerRule(mesh: ExampleMesh): Promise<void> {
  await mesh.apply('models/iris-1/model.yaml');
  await mesh.apply('models/iris-2/model.yaml');
  await mesh.apply('header-rule/endpoint.yaml');
  const acme = await ask(mesh, { 'x-tenant': 'acme', 'x-tier': 'gold', 'x-region': 'eu-west' });
  mesh.claim('every call of acme goes to the new version, by the first rule that matches', all(acme, 'next', 'acme-first'));
  const bronze = await ask(mesh, { 'x-tenant': 'acme', 'x-tier': 'bronze' });
  mesh.claim('a call of acme without the tier does not', all(bronze, 'stable', null));
  const others = await ask(mesh, { 'x-tenant': 'other' });
  mesh.claim('no call of another tenant does', all(others, 'stable', null));
  const europe = await ask(mesh, { 'x-region': 'eu-west' });
  mesh.claim('half of the calls from Europe do, by the second rule', follows(countsOf(europe), { stable: 0.5, next: 0.5 }));
  mesh.claim('without the headers that rules ask for, no rule matches', all(await ask(mesh, {}), 'stable', null));
}

async function ask(mesh: ExampleMesh, headers: Readonly<Record<string, string>>): Promise<readonly Answer[]> {
  const body = mesh.requestOf('iris-1');
  const answers = await mesh.callAll(CALLS, () => mesh.call('flowers', body, headers));
  const given = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  mesh.tell(`${CALLS} calls with ${given.join(', ') || 'no headers'}: ${countsText(countsOf(answers))}`);
  return answers;
}

const all = (answers: readonly Answer[], variant: string, rule: string | null): boolean =>
  answers.every((answer) => answer.status === 200 && answer.variant === variant && answer.rule === rule);
