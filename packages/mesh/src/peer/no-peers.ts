import { MeshError } from '@modelmesh/core';
import type { PeerAddress, Peers } from './port.ts';

const alone = ({ instance }: PeerAddress): Promise<never> =>
  Promise.reject(new MeshError('unavailable', `instance ${instance} cannot be reached: this node has no peer port`));

/** The way to nobody: of a node whose registry no other node can share. */
export const NO_PEERS: Peers = {
  hello: alone,
  load: alone,
  copy: alone,
  unload: alone,
  explain: alone,
  diff: alone,
  close: () => {},
};
