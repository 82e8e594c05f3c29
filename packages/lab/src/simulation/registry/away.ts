import { MeshError } from '@modelmesh/core';

/** What a node is told while the registry is away. */
export const registryAway = (): MeshError => new MeshError('registry-unavailable', 'the registry cannot be reached');
