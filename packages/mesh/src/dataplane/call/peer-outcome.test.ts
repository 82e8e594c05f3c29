import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MeshErrorKind } from '@modelmesh/core';
import { headerBlock } from '@modelmesh/grpc/stream';
import { ERROR_KINDS, encodePeerError, errorMapping } from '@modelmesh/wire/status';
import { outcomeAtPeer } from './peer-outcome.ts';

function outcomeOf(kind: MeshErrorKind, runtimeReached: boolean): string {
  const told = encodePeerError({ kind, attempts: [], runtimeReached, retryAfterMs: undefined });
  const outcome = outcomeAtPeer(errorMapping(kind).grpc, 'why', headerBlock(['mesh-error-bin', told]));
  return outcome.kind === 'final' ? `final ${outcome.error.kind}: ${outcome.error.message}` : outcome.evidence.kind;
}

it('a status without the trailer of the mesh, or with one that cannot be read, is the runtime’s', () => {
  for (const fields of [[], ['mesh-error-bin', '!']]) {
    const outcome = outcomeAtPeer(14, 'busy', headerBlock(fields));
    assert.deepEqual(outcome, {
      kind: 'evidence',
      evidence: { kind: 'runtime-status', code: 14, message: 'busy' },
      attempts: [],
    });
  }
});

it('what a node says of itself is evidence where another node may do better, and else the end of the call', () => {
  const expected: Partial<Record<MeshErrorKind, string>> = {
    'not-here': 'not-here',
    'load-failed': 'load-failed',
    'deadline-exceeded': 'deadline-passed',
    'model-not-found': 'refused-by-peer',
    'failed-precondition': 'refused-by-peer',
    'no-capacity': 'refused-by-peer',
    overloaded: 'refused-by-peer',
    unavailable: 'refused-by-peer',
    'registry-unavailable': 'refused-by-peer',
  };
  for (const kind of ERROR_KINDS) assert.equal(outcomeOf(kind, false), expected[kind] ?? `final ${kind}: why`, kind);
});

it('a runtime that was perhaps reached makes a repetition a matter of the rules for such calls', () => {
  assert.equal(outcomeOf('unavailable', true), 'connection-lost');
  assert.equal(outcomeOf('too-large', true), 'final too-large: why');
});
