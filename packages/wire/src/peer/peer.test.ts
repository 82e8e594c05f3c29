import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import fc from 'fast-check';
import {
  commonProtocol,
  formatPeerCall,
  formatPeerEndpoint,
  PEER_ENDPOINT_HEADER,
  type PeerCall,
  parsePeerCall,
  readPeerEndpoint,
} from './index.ts';

const name = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text.isWellFormed());
const aCall: fc.Arbitrary<PeerCall> = fc.record(
  {
    protocol: fc.nat(999),
    intent: fc.constantFrom('copy' as const, 'load' as const),
    visited: fc.array(name, { minLength: 1, maxLength: 5 }),
  },
  { noNullPrototype: true },
);
const headersOf = (value: string | undefined) => ({
  get: (field: string) => (field === PEER_ENDPOINT_HEADER ? value : undefined),
  getAll: () => [],
});

describe('the headers of a forwarded call', () => {
  it('bring back what was written, whatever the names of the nodes are', () => {
    fc.assert(
      fc.property(aCall, (call) => {
        const value = formatPeerCall(call);
        assert.match(value, /^[!-~ ]+$/);
        for (const _again of [1, 2]) assert.deepEqual(parsePeerCall(value), call);
      }),
    );
  });

  it('are refused in any other form', () => {
    for (const value of [
      undefined,
      '',
      '1',
      '1 copy 1',
      '1 keep 1 a',
      'x copy 1 a',
      '1 copy 2 a',
      '1 copy 1 a b',
      '1 copy 1 %E0%A4%A',
    ])
      assert.throws(
        () => parsePeerCall(value),
        (error: unknown) => error instanceof MeshError && error.kind === 'failed-precondition',
        String(value),
      );
  });

  it('name the endpoint, or none where it is malformed', () => {
    fc.assert(
      fc.property(name, fc.nat(), name, (id, revision, variant) => {
        assert.deepEqual(readPeerEndpoint(headersOf(formatPeerEndpoint({ id, revision, variant }))), { id, revision, variant });
      }),
    );
    for (const value of [undefined, '', 'id', 'id 1', 'id x variant', '% 1 v'])
      assert.equal(readPeerEndpoint(headersOf(value)), undefined);
  });
});

it('two nodes speak the highest version that both know, N with N − 1 too', () => {
  assert.equal(commonProtocol({ min: 1, max: 2 }, { min: 2, max: 3 }), 2);
  assert.equal(commonProtocol({ min: 3, max: 4 }, { min: 2, max: 3 }), 3);
  assert.equal(commonProtocol({ min: 1, max: 1 }, { min: 2, max: 3 }), undefined);
});
