import type { InstanceId } from '@modelmesh/core';
import { type HeaderBlock, type HeaderRecipe, headerRecipe } from '@modelmesh/grpc/stream';
import { formatGrpcTimeout, HEADER } from '@modelmesh/wire/headers';
import {
  formatLogFields,
  formatPeerCall,
  formatPeerEndpoint,
  PEER_CALL_HEADER,
  PEER_ENDPOINT_HEADER,
  PEER_LOG_FIELDS_HEADER,
  PEER_SHADOW_HEADER,
} from '@modelmesh/wire/peer';
import type { PeerIntent } from '../../link/index.ts';
import type { AttemptOwner } from './attempt.ts';

/** What all calls with one intent to peers of one protocol have in common. */
interface Made {
  readonly protocol: number;
  readonly intent: PeerIntent;
  readonly from: InstanceId;
  readonly recipe: HeaderRecipe;
}

let made: Made | undefined;

function recipeOf(protocol: number, intent: PeerIntent, from: InstanceId): HeaderRecipe {
  if (made?.protocol !== protocol || made.intent !== intent || made.from !== from) {
    const call = formatPeerCall({ protocol, intent, visited: [from] });
    made = { protocol, intent, from, recipe: headerRecipe({ back: [PEER_CALL_HEADER, call] }) };
  }
  return made.recipe;
}

/** The header block of a call as another node gets it: as the runtime does, and what nodes tell one another. */
export function peerHeaders(protocol: number, intent: PeerIntent, from: InstanceId, owner: AttemptOwner): HeaderBlock {
  const { plan, forwardedMs } = owner;
  const { endpoint, log, headers } = plan;
  const common = headers.derive(recipeOf(protocol, intent, from));
  const back: string[] = [];
  const logged = log === undefined ? undefined : formatLogFields(log.fields);
  if (logged !== undefined) back.push(PEER_LOG_FIELDS_HEADER, logged);
  if (plan.shadow === true) back.push(PEER_SHADOW_HEADER, '1');
  if (endpoint !== null) back.push(PEER_ENDPOINT_HEADER, formatPeerEndpoint(endpoint));
  if (forwardedMs !== null) back.push(HEADER.grpcTimeout, formatGrpcTimeout(forwardedMs));
  return back.length === 0 ? common : common.derive(headerRecipe({ back }));
}
