import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationMs, epochMs, modelKey } from '@modelmesh/core';
import { type EndpointPolicy, type NewEndpointPolicy, newEndpointPolicy, newVariant } from '@modelmesh/core/records';
import { SeededRandom } from '@modelmesh/core/testing';
import { SLOTS, UnitHasher } from '@modelmesh/core/traffic';
import { SignedVault } from '../../tokens/index.ts';
import { CallRig, type CallRigOptions, type ClientSide, framed } from '../call/testing/index.ts';

const variant = (name: string, weight: number, labels: readonly string[] = []) =>
  newVariant({ name, model: modelKey(`${name}-model`), weight, labels });

const policyOf = (fields: Partial<NewEndpointPolicy>): EndpointPolicy =>
  newEndpointPolicy({ variants: [variant('stable', 50), variant('canary', 50)], defaultVariant: 'stable', ...fields });

/** A rig with the endpoint `e` of that policy, each of its models served from a slot. */
async function serving(policy: EndpointPolicy, options: CallRigOptions = {}): Promise<CallRig> {
  const rig = await CallRig.ready(options);
  for (const { model } of policy.variants) await rig.route(model, rig.openSlot());
  await rig.endpoint('e', policy, 7);
  return rig;
}

/** Calls the endpoint; the model that the runtime was asked for, `undefined`: none. */
function call(rig: CallRig, fields: readonly string[] = []): { readonly client: ClientSide; readonly model: string | undefined } {
  const before = rig.streams.length;
  const client = rig.client(['mm-vmodel-id', 'e', ...fields]);
  client.push(framed('q'), true);
  if (rig.streams.length === before) return { client, model: undefined };
  rig.stream.answers(framed('a'));
  return { client, model: rig.stream.headers.get('mm-model-id') };
}

const modelOf = (rig: CallRig, fields: readonly string[] = []): string | undefined => call(rig, fields).model;

describe('a call through an endpoint with a policy', () => {
  it('goes to the variants by their weights, and each call is picked anew', async () => {
    const rig = await serving(policyOf({ variants: [variant('stable', 75), variant('canary', 25)] }));
    let canary = 0;
    const CALLS = 2000;
    for (let made = 0; made < CALLS; made++) if (modelOf(rig) === 'canary-model') canary += 1;
    // Six standard deviations of a binomial distribution; the seed is fixed.
    assert.ok(Math.abs(canary - CALLS / 4) < 6 * Math.sqrt(CALLS * 0.25 * 0.75), `${canary} of ${CALLS}`);
    assert.equal(rig.finished.filter(({ endpoint }) => endpoint === 'e').length, CALLS);
    assert.equal(rig.finished.filter(({ model }) => model === 'canary-model').length, canary);
  });

  it('passes by a variant whose model fails to load, until the failure counts no more', async () => {
    const rig = await serving(policyOf({}));
    const failsForMs = 60_000;
    await rig.route('canary-model', null, 'safe', null, epochMs(rig.clock.wallMs() + failsForMs));
    for (let made = 0; made < 50; made++) assert.equal(modelOf(rig), 'stable-model');
    await rig.route('canary-model', rig.openSlot(), 'safe', null, epochMs(rig.clock.wallMs() + failsForMs));
    rig.clock.advance(failsForMs);
    const picked = new Set(Array.from({ length: 50 }, () => modelOf(rig)));
    assert.deepEqual([...picked].toSorted(), ['canary-model', 'stable-model']);
  });

  it('keeps a unit at the variant that the published hash says', async () => {
    const sticky = { unit: { kind: 'expression', by: 'header["x-user-id"]' }, salt: 's' } as const;
    const rig = await serving(policyOf({ sticky }));
    const hasher = new UnitHasher('s');
    for (let user = 0; user < 50; user++) {
      const expected = hasher.slot(`u${user}`) < SLOTS / 2 ? 'stable-model' : 'canary-model';
      for (const _again of [1, 2]) assert.equal(modelOf(rig, ['x-user-id', `u${user}`]), expected, `u${user}`);
    }
  });

  it('follows the first rule that matches; several values of a field are one text', async () => {
    const rules = [
      { name: 'both', when: 'header["x-tier"] == "gold, silver"', to: { kind: 'variant', variant: 'stable' } },
      { name: 'gold', when: 'header["x-tier"].startsWith("gold")', to: { kind: 'variant', variant: 'canary' } },
      { name: 'method', when: 'path == "/any.Service/Method" && method == "POST"', to: { kind: 'variant', variant: 'third' } },
    ] as const;
    const variants = [variant('stable', 100), variant('canary', 0), variant('third', 0)];
    const rig = await serving(policyOf({ variants, rules }));
    assert.equal(modelOf(rig, ['x-tier', 'gold', 'x-tier', 'silver']), 'stable-model');
    assert.equal(modelOf(rig, ['x-tier', 'gold']), 'canary-model');
    assert.equal(modelOf(rig), 'third-model');
  });

  it('cannot name its tenant, nor a field of the transport or of the mesh, in a header', async () => {
    const when = 'tenant == "acme" || client == "acme" || ":path" in header || "mesh-x" in header';
    const rules = [{ name: 'r', when, to: { kind: 'variant', variant: 'canary' } }] as const;
    const rig = await serving(policyOf({ variants: [variant('stable', 1), variant('canary', 0)], rules }));
    assert.equal(modelOf(rig, ['tenant', 'acme', 'x-tenant', 'acme', 'client', 'acme', 'mesh-x', '1']), 'stable-model');
  });

  it('passes over a variant whose model is not there', async () => {
    const rig = await CallRig.ready();
    const policy = policyOf({});
    await rig.route('canary-model', rig.openSlot());
    await rig.endpoint('e', policy);
    for (let made = 0; made < 20; made++) assert.equal(modelOf(rig), 'canary-model');
  });

  it('has each of several endpoints picked for', async () => {
    const rig = await serving(policyOf({ variants: [variant('stable', 0), variant('canary', 1)] }));
    await rig.endpoint('f', policyOf({ variants: [variant('stable', 1), variant('canary', 0)] }));
    const client = rig.client(['mm-vmodel-id', 'e', 'mm-vmodel-id', 'f']);
    client.push(framed('q'), true);
    assert.deepEqual(
      rig.streams.map(({ headers }) => headers.get('mm-model-id')),
      ['canary-model', 'stable-model'],
    );
  });

  it('counts on by its policy, though one that waited since before an edit asks for the one before', async () => {
    const rig = await serving(policyOf({}));
    const { picker, routes } = rig.dataPlane.plane;
    const before = routes.endpoint('e');
    assert.ok(before !== undefined);
    await rig.endpoint('e', policyOf({ variants: [variant('stable', 50), variant('third', 50)] }), 8);
    assert.equal(modelOf(rig), 'stable-model');
    const third = picker.book.of(before.id, 'third');
    picker.policyOf(before);
    assert.equal(picker.book.of(before.id, 'third'), third);
  });

  it('asks the default variant for metadata, whatever the weights say', async () => {
    const rig = await serving(policyOf({ variants: [variant('stable', 0), variant('canary', 1)] }));
    const client = rig.client(['mm-vmodel-id', 'e'], false, '/inference.GRPCInferenceService/ModelMetadata');
    client.push(framed('q'), true);
    assert.equal(rig.stream.headers.get('mm-model-id'), 'stable-model');
  });
});

describe('a caller that names its variant', () => {
  it('reaches it by its label or its name, also without a weight; no other field goes to the runtime', async () => {
    const variants = [variant('stable', 100), variant('canary', 0, ['next'])];
    const rig = await serving(policyOf({ variants }));
    for (const label of ['next', 'canary']) assert.equal(modelOf(rig, ['mm-label', label]), 'canary-model', label);
    assert.equal(modelOf(rig, ['mm-label', 'stable']), 'stable-model');
    assert.equal(rig.stream.headers.get('mm-label'), undefined);
  });

  it('hears which labels there are', async () => {
    const rig = await serving(policyOf({ variants: [variant('stable', 100), variant('canary', 0, ['next'])] }));
    const { client, model } = call(rig, ['mm-label', 'x']);
    assert.equal(model, undefined);
    assert.deepEqual(client.status, [5, 'endpoint "e" has no label "x"; there are next, stable, canary']);
    const plain = rig.client(['mm-model-id', 'stable-model', 'mm-label', 'x']);
    plain.push(framed('q'), true);
    assert.deepEqual(plain.status, [5, 'only endpoints have labels; "stable-model" is a model']);
  });

  it('may name the variant itself where the policy lets it, and is refused elsewhere', async () => {
    const open = await serving(policyOf({ callerChooses: true }));
    for (const name of ['stable', 'canary']) assert.equal(modelOf(open, ['mm-variant', name]), `${name}-model`);
    assert.deepEqual(call(open, ['mm-variant', 'x']).client.status, [
      5,
      'endpoint "e" has no variant "x"; there are stable, canary',
    ]);
    const closed = await serving(policyOf({}));
    const refused = call(closed, ['mm-variant', 'canary']).client.status;
    assert.deepEqual(refused, [7, 'the policy of endpoint "e" does not let callers name the variant (spec.allowVariantHeader)']);
    assert.deepEqual(call(open, ['mm-variant', 'canary', 'mm-label', 'stable']).client.status?.[0], 3);
  });
});

describe('an answer that was asked where it comes from', () => {
  const origin = (rig: CallRig, fields: readonly string[]): Record<string, string | undefined> => {
    const { client } = call(rig, ['mm-explain', 'true', ...fields]);
    const block = client.stream.sentHeaders;
    const names = ['endpoint', 'revision', 'variant', 'rule', 'reason', 'model', 'instance'];
    return Object.fromEntries(names.map((name) => [name, block?.get(`mm-${name}`)]));
  };

  it('names endpoint, revision, rule, variant, model and copy', async () => {
    const rules = [{ name: 'gold é', when: '"x-gold" in header', to: { kind: 'variant', variant: 'canary' } }] as const;
    const rig = await serving(policyOf({ variants: [variant('stable', 1), variant('canary', 0)], rules }));
    const told = { endpoint: 'e', revision: '7', instance: 'here' };
    assert.deepEqual(origin(rig, ['x-gold', '1']), {
      ...told,
      variant: 'canary',
      rule: 'gold%20%C3%A9',
      reason: 'rule%20gold%20%C3%A9',
      model: 'canary-model',
    });
    const plain = { ...told, variant: 'stable', rule: undefined, reason: 'the weights', model: 'stable-model' };
    assert.deepEqual(origin(rig, []), plain);
  });

  it('says so of errors too, in the trailers that stand alone, and of no call that did not ask', async () => {
    const rig = await serving(policyOf({ variants: [variant('stable', 1)] }));
    const client = rig.client(['mm-vmodel-id', 'e', 'mm-explain', 'true']);
    client.push(framed('q'), true);
    rig.stream.refuses(3, 'no');
    assert.equal(client.stream.sentTrailers, undefined, 'trailers only');
    assert.equal(client.stream.sentHeaders?.get('mm-variant'), 'stable');
    assert.equal(client.stream.sentHeaders?.get('mm-instance'), 'here');
    assert.equal(call(rig).client.stream.sentHeaders?.get('mm-variant'), undefined);
  });

  it('says by itself that policies may be outdated', async () => {
    const rig = await serving(policyOf({}));
    rig.dataPlane.plane.stalePolicy = '7';
    assert.equal(call(rig).client.stream.sentHeaders?.get('mm-stale-policy'), '7');
    const plain = rig.client(['mm-model-id', 'stable-model']);
    plain.push(framed('q'), true);
    rig.stream.answers(framed('a'));
    assert.equal(plain.stream.sentHeaders?.get('mm-stale-policy'), undefined, 'no policy, nothing outdated');
  });
});

describe('a sticky token', () => {
  const unit = { kind: 'token', header: 'x-token', cookie: 'tok', lifetimeMs: durationMs(60_000) } as const;

  it('comes with the first answer, keeps its caller at its variant, and names none', async () => {
    const tokens = new SignedVault({ rememberedMax: 100, random: new SeededRandom(3) });
    tokens.use([{ id: 'k', secret: Buffer.alloc(32, 1) }]);
    const rig = await serving(policyOf({ sticky: { unit, salt: 's' } }), { tokens });
    const met = new Set<string | undefined>();
    for (let client = 0; client < 20; client++) {
      const first = call(rig);
      const token = first.client.stream.sentHeaders?.get('x-token') ?? '';
      assert.ok(!token.includes('canary') && token.length > 20);
      assert.ok(first.client.stream.sentHeaders?.get('set-cookie')?.startsWith(`tok=${token}; Max-Age=60;`));
      met.add(first.model);
      const again = call(rig, ['x-token', token]);
      assert.equal(again.model, first.model);
      assert.equal(again.client.stream.sentHeaders?.get('x-token'), undefined, 'it has one');
      assert.equal(modelOf(rig, ['cookie', `a=b; tok=${token}`]), first.model);
      const forged = call(rig, ['x-token', `${token.slice(0, -2)}zz`]);
      assert.notEqual(forged.client.stream.sentHeaders?.get('x-token'), undefined, 'a new one for a forged one');
    }
    assert.deepEqual(met, new Set(['stable-model', 'canary-model']));
  });
});

describe('a policy that reads the payload', () => {
  const payload = [{ name: 'country', type: 'string', json: null, parameter: 'country', proto: [2] }] as const;
  const rules = [{ name: 'german', when: 'payload.country == "de"', to: { kind: 'variant', variant: 'canary' } }] as const;
  const policy = policyOf({ variants: [variant('stable', 1), variant('canary', 0)], rules, payload });
  /** A message with field 1 `x` and field 2 as given. */
  const message = (country: string): Buffer =>
    framed(Buffer.concat([Buffer.from([0x0a, 1, 0x78, 0x12, country.length]), Buffer.from(country)]));

  it('decides when the field is there, however the message comes, and hands it on whole', async () => {
    for (const country of ['de', 'fr']) {
      for (let at = 1; at < message(country).length; at++) {
        const rig = await serving(policy);
        const client = rig.client(['mm-vmodel-id', 'e']);
        client.push(message(country).subarray(0, at), false);
        client.push(message(country).subarray(at), true);
        const expected = country === 'de' ? 'canary-model' : 'stable-model';
        assert.equal(rig.stream.headers.get('mm-model-id'), expected, `${country}, split at ${at}`);
        assert.deepEqual(rig.stream.body, message(country));
        rig.stream.answers(framed('a'));
        assert.deepEqual(client.status, [0, '']);
        assert.equal(client.stream.consumed, message(country).length, 'the credit of every byte comes back once');
        assert.deepEqual([rig.dataPlane.plane.opening.used, rig.timers.count], [0, 0]);
      }
    }
  });

  it('decides without a field that is not there, and lets go of everything when the client leaves before', async () => {
    const rig = await serving(policy);
    const client = rig.client(['mm-vmodel-id', 'e']);
    client.push(framed('').subarray(0, 3), false);
    assert.equal(rig.streams.length, 0);
    client.cancel();
    assert.deepEqual([rig.dataPlane.plane.opening.used, rig.timers.count], [0, 0]);
    const empty = rig.client(['mm-vmodel-id', 'e']);
    empty.push(framed(''), true);
    assert.equal(rig.stream.headers.get('mm-model-id'), 'stable-model');
  });

  it('is not asked where the caller names its variant, and each endpoint of several has its own', async () => {
    const rig = await serving(policy);
    await rig.endpoint('f', policyOf({ variants: [variant('stable', 0), variant('canary', 1)] }));
    const client = rig.client(['mm-vmodel-id', 'e', 'mm-label', 'canary']);
    assert.equal(rig.stream.headers.get('mm-model-id'), 'canary-model', 'before a byte of the message');
    client.cancel();
    const both = rig.client(['mm-vmodel-id', 'e', 'mm-vmodel-id', 'f']);
    both.push(message('fr'), true);
    assert.deepEqual(
      rig.streams.slice(1).map(({ headers }) => headers.get('mm-model-id')),
      ['stable-model', 'canary-model'],
    );
  });
});
