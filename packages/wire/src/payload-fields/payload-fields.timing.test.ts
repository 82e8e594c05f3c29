import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { it } from 'node:test';
import type { PayloadField } from '@modelmesh/core/records';
import { encodeInferRequest } from '../oip/index.ts';
import { type PayloadForm, PayloadPlan } from './index.ts';

const ROUNDS = 7;
const SEARCH_MICROSECONDS_MAX = 10;

const COUNTRY: PayloadField = { name: 'country', type: 'string', json: 'parameters.country', parameter: 'country', proto: null };
const plan = new PayloadPlan([COUNTRY]);

/** CPU of one run, in the best of many rounds: other programs only add. */
function microsecondsOf(calls: number, run: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let call = 0; call < calls; call++) assert.equal(run(), 'de');
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / calls);
  }
  return best;
}

function searched(form: PayloadForm, bytes: Uint8Array): unknown {
  const finder = plan.finder(form);
  finder?.push(bytes);
  return finder?.values.get('country');
}

const floats = Array.from({ length: 1000 }, (_, at) => (at * 1.37).toFixed(3)).join(',');
const body = Buffer.from(
  `{"inputs":[{"name":"x","shape":[1,1000],"datatype":"FP32","data":[${floats}]}],"parameters":{"country":"de"}}`,
);

it('a field behind a thousand floats of a JSON body costs less than reading the body', (test) => {
  const search = microsecondsOf(2000, () => searched('json', body));
  const parse = microsecondsOf(2000, () => JSON.parse(body.toString('utf8')).parameters.country);
  test.diagnostic(`${search.toFixed(1)} µs to find, ${parse.toFixed(1)} µs to read ${body.length} bytes`);
  assert.ok(search < parse, `${search} against ${parse}`);
});

it('a request parameter of a message, or of a body that begins with it, is found in microseconds', (test) => {
  const parameters = new Map([
    ['id', 'x'],
    ['country', 'de'],
  ]);
  const message = Buffer.concat(
    encodeInferRequest({ modelName: 'fraud', modelVersion: '', id: '1', parameters, inputs: [], outputs: [] }),
  );
  const small = Buffer.from('{"parameters":{"country":"de"},"inputs":[]}');
  const costs = [
    microsecondsOf(20_000, () => searched('inference', message)),
    microsecondsOf(20_000, () => searched('json', small)),
  ];
  test.diagnostic(`${costs.map((cost) => cost.toFixed(2)).join(' and ')} µs`);
  for (const cost of costs) assert.ok(cost < SEARCH_MICROSECONDS_MAX, String(cost));
});
