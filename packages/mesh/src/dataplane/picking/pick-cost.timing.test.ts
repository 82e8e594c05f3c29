import assert from 'node:assert/strict';
import { it } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { durationMs, endpointId, modelKey } from '@modelmesh/core';
import { type EndpointPolicy, type NewEndpointPolicy, newEndpointPolicy, newVariant } from '@modelmesh/core/records';
import { SeededRandom } from '@modelmesh/core/testing';
import { assignSlots } from '@modelmesh/core/traffic';
import { headerBlock } from '@modelmesh/grpc/stream';
import { principalOf } from '../../authz/index.ts';
import { createCelEngine } from '../../cel/index.ts';
import { allocateCounters, type EndpointRoute, SlotCounters } from '../../link/index.ts';
import { systemClock } from '../../node/index.ts';
import { SignedVault } from '../../tokens/index.ts';
import { RouteTable } from '../routes/index.ts';
import { type AskedCall, NO_SINK, policyExpressions, VariantPicker } from './index.ts';

const CALLS = 100_000;
const ROUNDS = 9;
/** Nothing but the number that chance gives: one with a fraction takes up to so much where V8 does not inline the source of chance. */
const NOTHING_BYTES_MAX = 16;

const ID = endpointId('fraud');
const VARIANTS = ['stable', 'canary', 'third'].map((name, at) => newVariant({ name, model: modelKey(name), weight: at + 1 }));
const NOBODY = principalOf({ remoteAddress: '', encrypted: false, clientCertificate: undefined });

const policyOf = (fields: Partial<NewEndpointPolicy>): EndpointPolicy =>
  newEndpointPolicy({ variants: VARIANTS, defaultVariant: 'stable', ...fields });

const vault = new SignedVault({ rememberedMax: 1000, random: new SeededRandom(1) });
vault.use([{ id: 'k', secret: Buffer.alloc(32, 1) }]);

/** A call as a client with a few fields of its own sends it. */
function callOf(at: number): AskedCall {
  const fields = [
    ':method',
    'POST',
    ':scheme',
    'http',
    ':path',
    '/inference.GRPCInferenceService/ModelInfer',
    ':authority',
    'mesh',
  ];
  const own = ['te', 'trailers', 'content-type', 'application/grpc', 'user-agent', 'grpc-node', 'mm-vmodel-id', 'fraud'];
  const { token } = vault.issue(ID, systemClock.wallMs(), durationMs(3_600_000));
  const headers = headerBlock([...fields, ...own, 'x-region', `r-${at % 7}`, 'x-user-id', `user-${at}`, 'x-token', token]);
  return {
    headers,
    principal: NOBODY,
    path: '/inference.GRPCInferenceService/ModelInfer',
    method: 'POST',
    query: '',
    encrypted: false,
  };
}

const ASKED: readonly AskedCall[] = Array.from({ length: 256 }, (_, at) => callOf(at));

/** What picks for calls of the endpoint under `policy`. */
function pickerOf(policy: EndpointPolicy): (at: number) => unknown {
  const routes = new RouteTable(policyExpressions(createCelEngine()));
  const models = VARIANTS.map(({ model: key }) => ({
    key,
    family: null,
    version: null,
    local: null,
    remote: [],
    retry: 'safe' as const,
  }));
  const compiled = { policy, slots: assignSlots(policy, new Map()), published: null };
  const endpoint: EndpointRoute = {
    id: ID,
    revision: 1,
    variant: 'stable',
    model: modelKey('stable'),
    successor: null,
    policy: compiled,
  };
  const parts = { models, endpoints: [endpoint], families: [], peers: [] };
  routes.applySnapshot({ kind: 'route-snapshot', epoch: 1, version: 1, last: true, parts });
  const picker = new VariantPicker({
    routes,
    random: new SeededRandom(1),
    clock: systemClock,
    tokens: vault,
    worker: 0,
    places: new SlotCounters(allocateCounters(1, 1)).variants,
    sinkOf: () => NO_SINK,
    onLimit: () => {},
  });
  const target = { model: endpoint.model, endpoint };
  const wanted = { label: undefined, variant: undefined };
  return (at) => picker.choose(target, wanted, ASKED[at & 255] as AskedCall);
}

/** Bytes that were ever taken from the heap. */
function allocated(): number {
  const { total_allocated_bytes: bytes } = getHeapStatistics() as { readonly total_allocated_bytes?: number };
  return bytes ?? assert.fail('this Node does not count what it allocates');
}

/** CPU and heap of one pick, in the best of many rounds: other programs only add. */
function costOf(pick: (at: number) => unknown): { readonly microseconds: number; readonly bytes: number } {
  let [microseconds, bytes] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let kept: unknown;
  for (let round = 0; round < ROUNDS; round++) {
    const heap = allocated();
    const before = process.cpuUsage();
    for (let at = 0; at < CALLS; at++) kept = pick(at);
    const { user, system } = process.cpuUsage(before);
    bytes = Math.min(bytes, (allocated() - heap) / CALLS);
    microseconds = Math.min(microseconds, (user + system) / CALLS);
  }
  assert.notEqual(kept, undefined);
  return { microseconds, bytes };
}

const rule = (when: string, at: number) => ({ name: `r${at}`, when, to: { kind: 'variant', variant: 'canary' } }) as const;
const TEN_RULES = [
  ...Array.from({ length: 8 }, (_, at) => `header["x-region"] == "none-${at}"`),
  'header["x-region"].startsWith("eu-") && header["x-tier"] == "gold"',
  'tenant == "acme" || header["x-user-id"] in ["user-1", "user-2"]',
].map(rule);

for (const [name, policy, microsecondsMax, allocates] of [
  ['weights', policyOf({}), 1, false],
  ['sticky by a header', policyOf({ sticky: { unit: { kind: 'expression', by: 'header["x-user-id"]' }, salt: 's' } }), 1, false],
  ['ten indexable rules', policyOf({ rules: TEN_RULES }), 2, false],
  [
    'signed tokens that are remembered',
    policyOf({
      sticky: { unit: { kind: 'token', header: 'x-token', cookie: null, lifetimeMs: durationMs(3_600_000) }, salt: 's' },
    }),
    2.5,
    true,
  ],
] as const) {
  it(`a pick by ${name} takes at most ${microsecondsMax} µs${allocates ? '' : ', and no memory'}`, () => {
    const { microseconds, bytes } = costOf(pickerOf(policy));
    console.log(`${name}: ${microseconds.toFixed(3)} µs CPU and ${bytes.toFixed(1)} bytes a pick`);
    assert.ok(microseconds <= microsecondsMax, `${microseconds} µs`);
    if (!allocates) assert.ok(bytes <= NOTHING_BYTES_MAX, `${bytes} bytes`);
  });
}
