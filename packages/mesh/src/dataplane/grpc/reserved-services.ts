import { MeshError } from '@modelmesh/core';
import { LEGACY_MANAGEMENT_SERVICE, LEGACY_RUNTIME_SERVICE, ModelMesh, ModelRuntime, ModelRuntimeX } from '@modelmesh/wire/mmesh';
import { Peer } from '@modelmesh/wire/peer';

const MANAGEMENT = 'it is management, which this port does not serve';
const CONTRACT = 'it is between a node and its runtime, and no call of a client';

/** Services whose calls never go to a runtime, and why. */
const RESERVED: readonly (readonly [prefix: string, because: string])[] = [
  [`${ModelMesh.typeName}/`, MANAGEMENT],
  [`${LEGACY_MANAGEMENT_SERVICE}/`, MANAGEMENT],
  [`${ModelRuntime.typeName}/`, CONTRACT],
  [`${ModelRuntimeX.typeName}/`, CONTRACT],
  [`${LEGACY_RUNTIME_SERVICE}/`, CONTRACT],
  [`${Peer.typeName}/`, 'it is between nodes, and no call of a client'],
];

/**
 * Lets a path of a call for a model go on, unless it belongs to the contract between node and runtime or to management: a runtime serves its
 * contract at the address where it infers, and would unload models for any client. Nothing that is configured, and nothing that a runtime
 * says, opens them.
 * @throws {MeshError} `unsupported-method`, also for a path without its leading slash, which a lenient runtime might read as one with it.
 */
export function refuseReserved(path: string): void {
  if (!path.startsWith('/')) throw new MeshError('unsupported-method', 'a method is called as /package.Service/Method');
  for (const [prefix, because] of RESERVED) {
    if (path.startsWith(prefix, 1)) throw new MeshError('unsupported-method', `${path.slice(1)} is not served here: ${because}`);
  }
}
