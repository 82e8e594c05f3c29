import { type Clock, endpointId, epochMs, instanceId, MeshError, modelKey, sizeUnits } from '@modelmesh/core';
import type { GrpcRouter } from '@modelmesh/grpc/call';
import { type LoadRequest, Peer } from '@modelmesh/wire/peer';
import { copyMessage } from './copy-message.ts';
import { decisionMessages, readQuery } from './decision-message.ts';
import { diffMessages } from './diff-message.ts';
import { agree, helloMessage, type Introduction, readHello } from './meeting.ts';
import type { PeerLoad, PeerService } from './port.ts';

/** Instances that one request may exclude; far above any mesh, far below what hurts. */
export const EXCLUDED_MAX = 10_000;

/** Serves control's half of a node to other nodes, on a router that serves nothing but them. */
export function servePeers(router: GrpcRouter, service: PeerService, clock: Clock): GrpcRouter {
  const { self } = service;
  return router.service(Peer, {
    hello: ({ self: other }) => {
      agree(self, readHello(other));
      return { self: helloMessage(self, clock) };
    },
    load: async (request, { signal }) => {
      requireLife(self, request);
      const from = instanceOf(request.from);
      return { copy: copyMessage(await service.load(from, loadOf(request), signal)) };
    },
    copy: (request) => {
      requireLife(self, request);
      return { copy: copyMessage(service.copy(instanceOf(request.from), keyOf(request.model))) };
    },
    unload: (request) => {
      requireLife(self, request);
      service.unload(instanceOf(request.from), keyOf(request.model));
      return {};
    },
    explain: async (request, { signal }) => {
      requireLife(self, request);
      return { decisions: decisionMessages(await service.explain(readQuery(request), signal)) };
    },
    diff: async (request, { signal }) => {
      requireLife(self, request);
      if (request.endpoint === '') throw new MeshError('invalid-argument', 'an endpoint has a name');
      return { diffs: diffMessages(await service.diff(endpointId(request.endpoint), signal)) };
    },
  });
}

/** A request for an earlier life of this instance is answered by nobody. */
function requireLife(self: Introduction, { incarnation }: { readonly incarnation: string }): void {
  if (incarnation === '' || incarnation === self.incarnation) return;
  const sentence = `${self.instance} lives as ${self.incarnation}; the request is for its life ${incarnation}`;
  throw new MeshError('unavailable', sentence);
}

function loadOf(request: LoadRequest): PeerLoad {
  const { knownUnits, lastUsedMs, exclude } = request;
  if (!Number.isFinite(lastUsedMs)) throw new MeshError('invalid-argument', 'last_used_ms must be a finite number');
  if (exclude.length > EXCLUDED_MAX)
    throw new MeshError('invalid-argument', `a request excludes at most ${EXCLUDED_MAX} instances`);
  return {
    model: keyOf(request.model),
    lastUsedMs: epochMs(lastUsedMs),
    sync: request.sync,
    exclude: exclude.map(instanceOf),
    knownUnits: knownUnits === undefined ? null : sizeUnits(knownUnits),
    moreCopies: request.moreCopies,
  };
}

function instanceOf(name: string) {
  if (name === '' || name.includes(','))
    throw new MeshError('invalid-argument', `${JSON.stringify(name)} is no id of an instance`);
  return instanceId(name);
}

function keyOf(name: string) {
  if (name === '') throw new MeshError('invalid-argument', 'a model has a name');
  return modelKey(name);
}
