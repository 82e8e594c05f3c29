import { MeshError } from '@modelmesh/core';
import type { TokenVault } from './port.ts';

const WHY = 'this node has no keys of tokens';

/** The vault of a node that gives no tokens. */
export const NO_TOKENS: TokenVault = {
  readiness: { ready: false, why: WHY },
  issue: () => {
    throw new MeshError('failed-precondition', WHY);
  },
  verify: () => ({ kind: 'refused', problem: 'unknown-key' }),
};
