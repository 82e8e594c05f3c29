import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { etcdTools } from '@modelmesh/mesh/kv/testing';
import { eventually, within } from '../faults/index.ts';
import { DECIDERS, type Decider, EndpointStage, PLACES, type Place, WAYS, type Way } from './index.ts';
import { endpointOf } from './stage.ts';

const tools = etcdTools(process.env);
/** The longest that one cell may take: nothing hangs. */
const CELL_MS = 60_000;

/** What came of each cell. None is left out: whatever decides meets every way of calling at every place. */
const outcomes = new Map<string, string>();
const cellName = (decider: Decider, way: Way, place: Place): string => `${decider.name} × ${way.name} × ${place}`;

let calls = 0;

async function play(stage: EndpointStage, decider: Decider, way: Way, place: Place): Promise<void> {
  const endpoint = endpointOf(decider);
  const first = decider.asksBefore ? await way.call(stage.anyNode.process, { endpoint }) : undefined;
  calls += 1;
  const { call, expected } = decider.asked(calls, first);
  const { variant, reason, picked } = expected;
  const { entry, answers } = await stage.place(variant, place);
  const counts = () => stage.counts(entry, endpoint, variant, picked);
  const counted = await counts();
  const compared = decider.shadow === null ? undefined : await stage.pairs(endpoint);

  const answer = await way.call(entry.process, { endpoint, ...call });

  assert.deepEqual(answer.values, stage.answerOf(variant), 'the answer is that of the expected model');
  const told = ['endpoint', 'variant', 'model'].map((name) => answer.field(`mm-${name}`));
  assert.deepEqual(told, [endpoint, variant, variant]);
  assert.match(decodeURIComponent(answer.field('mm-reason') ?? ''), reason);
  if (answers !== null) assert.equal(answer.field('mm-instance'), answers.id, 'the copy that is there answers');
  const after = await eventually('the call is counted', CELL_MS, async () => {
    const now = await counts();
    return now.answered > counted.answered ? now : undefined;
  });
  const { answered, picked: picks, timed } = counted;
  assert.deepEqual(after, { answered: answered + 1, picked: picks + 1, timed: timed + 1 }, 'once, at the node where it entered');
  if (compared === undefined) return;
  const pairs = await eventually('the shadow is compared', CELL_MS, async () => {
    const now = await stage.pairs(endpoint);
    return now.pairs > compared.pairs ? now : undefined;
  });
  assert.deepEqual(pairs, { ...compared, pairs: compared.pairs + 1 }, 'another model’s answer differs');
}

describe('whatever decides a variant, in every way of calling, wherever the copy is', { skip: tools.missing }, () => {
  let stage: EndpointStage;
  before(async () => {
    stage = await EndpointStage.start(tools);
  });
  after(() => stage?.[Symbol.asyncDispose]());

  for (const decider of DECIDERS) {
    for (const way of WAYS) {
      for (const place of PLACES) {
        const name = cellName(decider, way, place);
        it(name, async () => {
          outcomes.set(name, 'failed');
          await within(CELL_MS, name, play(stage, decider, way, place));
          outcomes.set(name, 'right');
        });
      }
    }
  }
});

after(() => {
  const columns = DECIDERS.flatMap((decider) => PLACES.map((place) => ({ decider, place })));
  const rows = WAYS.map((way) => [
    way.name,
    ...columns.map(({ decider, place }) => outcomes.get(cellName(decider, way, place)) ?? 'not played'),
  ]);
  const table = [['', ...columns.map(({ decider, place }) => `${decider.name}, ${place}`)], ...rows];
  process.stdout.write(`${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`);
});
