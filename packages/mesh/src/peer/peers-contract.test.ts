import { type Clock, durationMs, epochMs } from '@modelmesh/core';
import { GrpcRouter } from '@modelmesh/grpc/call';
import { Listener } from '@modelmesh/grpc/listen';
import { createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { systemClock } from '../node/index.ts';
import { MemoryPeerNet, type PeerService, StreamPeers, servePeers, splitAddress } from './index.ts';
import { type PeerWorld, peersContract } from './testing/index.ts';

const clock = systemClock;
const engine = createFrameEngine({ clock, poison: true });
const NOWHERE = '127.0.0.1:1';

const ahead = (byMs: number): Clock => ({
  monotonicMs: () => clock.monotonicMs(),
  wallMs: () => epochMs(clock.wallMs() + byMs),
  after: (delayMs, fire) => clock.after(delayMs, fire),
});

async function overStreams(): Promise<PeerWorld> {
  const timers = new TimerWheel(clock);
  const listeners = new Set<Listener>();
  const listen = async (service: PeerService, port: number, aheadMs: number): Promise<Listener> => {
    const router = new GrpcRouter({ clock, timers, messageBytesMax: 65_536 });
    servePeers(router, service, ahead(aheadMs));
    const listener = new Listener({ engine, limits: DEFAULT_STREAM_LIMITS, accept: router.accept });
    listeners.add(listener);
    await listener.listen({ kind: 'tcp', host: '127.0.0.1', port });
    return listener;
  };
  const stop = async (listener: Listener): Promise<void> => {
    listeners.delete(listener);
    await listener.close(clock, durationMs(0));
  };
  return {
    nowhere: NOWHERE,
    serve: async (service, aheadMs = 0) => {
      const listener = await listen(service, 0, aheadMs);
      return { address: `127.0.0.1:${listener.port}`, stop: () => stop(listener) };
    },
    serveAgain: async (address, service) => {
      await listen(service, splitAddress(address).port, 0);
    },
    peers: (self) => {
      const connect = (address: string) => engine.connect({ kind: 'tcp', ...splitAddress(address) }, DEFAULT_STREAM_LIMITS);
      return new StreamPeers({ self, clock, timers, connect });
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...listeners].map(stop));
    },
  };
}

async function inMemory(): Promise<PeerWorld> {
  const net = new MemoryPeerNet();
  let places = 0;
  return {
    nowhere: NOWHERE,
    serve: async (service, aheadMs = 0) => {
      places += 1;
      const address = `memory:${places}`;
      const end = net.serve(address, service, ahead(aheadMs));
      return { address, stop: async () => end() };
    },
    serveAgain: async (address, service) => {
      net.serve(address, service, clock);
    },
    peers: (self) => net.peersOf(self, clock),
    [Symbol.asyncDispose]: async () => {},
  };
}

peersContract('over streams', overStreams);
peersContract('in memory', inMemory);
