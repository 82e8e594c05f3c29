import { type Clock, durationMs, epochMs, MeshError } from '@modelmesh/core';
import { GrpcClient } from '@modelmesh/grpc/call';
import { type ClientConnection, DEFAULT_STREAM_LIMITS, type StreamEngine } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { greet, type Introduction, type PeerAddress, type PeerCopy, type Peers, splitAddress } from '@modelmesh/mesh/peer';
import { type CopyState, Peer } from '@modelmesh/wire/peer';

const ASK_TIMEOUT_MS = durationMs(2000);
const LOAD_TIMEOUT_MS = durationMs(60_000);
const MESSAGE_BYTES_MAX = 1024 * 1024;

/** What the way to other nodes' control is made of. */
export interface PeerCallsParts {
  readonly engine: StreamEngine;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly self: Introduction;
}

/** The way of one node's control to the others', by the real service over the simulated network: one connection for each address. */
export class PeerCalls implements Peers {
  readonly #parts: PeerCallsParts;
  readonly #connections = new Map<string, ClientConnection>();

  constructor(parts: PeerCallsParts) {
    this.#parts = parts;
  }

  hello(peer: PeerAddress, signal: AbortSignal): ReturnType<Peers['hello']> {
    const { self, clock } = this.#parts;
    return greet(this.#clientOf(peer), self, peer, { clock, timeoutMs: ASK_TIMEOUT_MS, signal });
  }

  async load(peer: PeerAddress, load: Parameters<Peers['load']>[1], signal: AbortSignal): Promise<PeerCopy> {
    const { model, lastUsedMs, sync, exclude, knownUnits, moreCopies } = load;
    const known = knownUnits === null ? {} : { knownUnits };
    const request = { ...this.#addressed(peer), model, lastUsedMs, sync, exclude: [...exclude], moreCopies, ...known };
    const timeoutMs = sync ? LOAD_TIMEOUT_MS : ASK_TIMEOUT_MS;
    const { copy } = await this.#clientOf(peer).unary(Peer.method.load, request, { timeoutMs, signal });
    return copyOf(copy);
  }

  async copy(peer: PeerAddress, model: Parameters<Peers['copy']>[1], signal: AbortSignal): Promise<PeerCopy> {
    const request = { ...this.#addressed(peer), model };
    const { copy } = await this.#clientOf(peer).unary(Peer.method.copy, request, { timeoutMs: ASK_TIMEOUT_MS, signal });
    return copyOf(copy);
  }

  async unload(peer: PeerAddress, model: Parameters<Peers['unload']>[1], signal: AbortSignal): Promise<void> {
    const request = { ...this.#addressed(peer), model };
    await this.#clientOf(peer).unary(Peer.method.unload, request, { timeoutMs: ASK_TIMEOUT_MS, signal });
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  #addressed({ incarnation }: PeerAddress): { readonly from: string; readonly incarnation: string } {
    return { from: this.#parts.self.instance, incarnation: incarnation ?? '' };
  }

  #clientOf({ address }: PeerAddress): GrpcClient {
    const { engine, clock, timers } = this.#parts;
    let connection = this.#connections.get(address);
    if (connection === undefined) {
      connection = engine.connect({ kind: 'tcp', ...splitAddress(address) }, DEFAULT_STREAM_LIMITS);
      this.#connections.set(address, connection);
    }
    return new GrpcClient(connection, { clock, timers, authority: address, messageBytesMax: MESSAGE_BYTES_MAX });
  }
}

function copyOf(message: CopyState | undefined): PeerCopy {
  const state = message?.state;
  switch (state?.case) {
    case 'loaded':
    case 'loading':
      return { kind: state.case };
    case 'failed':
      return { kind: 'failed', failure: { atMs: epochMs(state.value.atMs), message: state.value.message } };
    case 'absent':
      return { kind: 'absent', message: state.value.message };
    default:
      throw new MeshError('internal', 'the peer said nothing of the copy');
  }
}
