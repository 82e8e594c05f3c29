import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anyPolicy } from '../../records/testing/index.ts';
import { durationMs, endpointId, namespace } from '../../units.ts';
import { durationText, endpointManifestOf, parseDuration, parseManifest, problemText } from '../index.ts';

const seeded = { seed: 6, numRuns: 500 };

describe('laws of policies as manifests', () => {
  it('every policy comes back equal from its own manifest, through JSON too', () => {
    fc.assert(
      fc.property(anyPolicy, (policy) => {
        const manifest = endpointManifestOf(endpointId('fraud'), policy, namespace('team-a'));
        for (const written of [manifest, JSON.parse(JSON.stringify(manifest))]) {
          const result = parseManifest(written);
          assert.ok(result.ok, result.ok ? '' : result.problems.map(problemText).join('\n'));
          assert.ok(result.resource.kind === 'Endpoint');
          assert.deepEqual(result.resource.policy, policy);
          assert.deepEqual([result.resource.id, result.resource.metadata.namespace], ['fraud', 'team-a']);
        }
      }),
      seeded,
    );
  });

  it('anything at all in place of a part is read or refused at a path below that part, never thrown at', () => {
    const part = fc.constantFrom(
      'variants',
      'default',
      'rules',
      'payload',
      'sticky',
      'strategy',
      'mirror',
      'fallback',
      'versions',
    );
    const manifestOf = (policy: Parameters<typeof endpointManifestOf>[1]) => endpointManifestOf(endpointId('e'), policy);
    fc.assert(
      fc.property(anyPolicy, part, fc.anything(), (policy, name, value) => {
        const manifest = manifestOf(policy);
        const result = parseManifest({ ...manifest, spec: { ...manifest.spec, [name]: value } });
        if (result.ok) return;
        assert.ok(result.problems.length > 0);
        // What the rest refers to may be gone with the variants, and an expression that the strategy needs with the unit.
        if (name === 'variants' || name === 'sticky') return;
        for (const { path } of result.problems) assert.ok(path.startsWith(`spec.${name}`), path);
      }),
      seeded,
    );
  });

  it('every duration comes back equal from its text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 }), (ms) => {
        assert.equal(parseDuration(durationText(durationMs(ms))), ms);
      }),
    );
    assert.deepEqual(
      [0, 1, 1500, 90_000, 7_200_000].map((ms) => durationText(durationMs(ms))),
      ['0ms', '1ms', '1500ms', '90s', '2h'],
    );
  });
});
