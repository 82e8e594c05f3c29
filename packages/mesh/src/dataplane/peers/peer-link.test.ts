import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { durationMs, type InstanceId, instanceId, modelKey, monotonicMs } from '@modelmesh/core';
import { FakeClock, SeededRandom } from '@modelmesh/core/testing';
import { headerBlock } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { HelloResponseSchema } from '@modelmesh/wire/peer';
import type { PeerRoute, ToControl } from '../../link/index.ts';
import { type FakeConnection, FakeEngine, framed } from '../call/testing/index.ts';
import {
  ASKED_WITHIN_MS,
  CopyLatencies,
  HELD_UP_MS,
  HELLO_WITHIN_MS,
  LATENCIES_MAX,
  type LinkWaiter,
  type PeerLink,
  PeerLinks,
  PING_EVERY_MS,
  RETURN_WITHIN_MS,
  type ReturnWaiter,
} from './index.ts';

const B = instanceId('b');
const ROUTE: PeerRoute = { instance: B, incarnation: '1', address: '10.0.0.2:8034', draining: false };
const HEADERS = () => headerBlock([':path', '/a.B/C']);
const SILENT = { onHeaders() {}, onData() {}, onTrailers() {}, onReset() {}, onWritable() {}, onClosed() {} };

class Waiter implements LinkWaiter {
  opened = 0;
  readonly failures: string[] = [];

  onLinkOpen(): void {
    this.opened += 1;
  }

  onLinkFailed(message: string): void {
    this.failures.push(message);
  }
}

/** Links to `b` over connections that the test plays. Pings are answered when the test says so. */
class LinkRig {
  readonly clock = new FakeClock();
  readonly engine = new FakeEngine();
  readonly routes = new Map<InstanceId, PeerRoute>([[B, ROUTE]]);
  readonly said: ToControl[] = [];
  readonly links: PeerLinks;
  pings = 0;
  answersPings = true;
  /** How long this node has done something else when a timer fires. */
  heldUpMs = 0;

  constructor(waitingMax = 2) {
    this.links = new PeerLinks({
      self: { protocol: { min: 1, max: 1 }, cluster: 'c', instance: instanceId('a'), incarnation: 'x', features: [] },
      clock: {
        wallMs: () => this.clock.wallMs(),
        monotonicMs: () => monotonicMs(this.clock.monotonicMs() + this.heldUpMs),
        after: (delayMs, fire) => this.clock.after(delayMs, fire),
      },
      random: new SeededRandom(1),
      timers: new TimerWheel(this.clock),
      waitingMax,
      connect: () => {
        const connection = this.engine.connect() as FakeConnection;
        connection.ping = (answered) => {
          this.pings += 1;
          if (this.answersPings) answered(1);
        };
        return connection;
      },
      link: { send: (message) => this.said.push(message), onMessage: () => {} },
      routes: { peer: (instance) => this.routes.get(instance), peers: () => this.routes },
    });
  }

  get link(): PeerLink {
    const link = this.links.to(B);
    assert.ok(link !== undefined);
    return link;
  }

  /** The peer takes the connection and says hello. */
  async hello(more: { readonly cluster?: string; readonly incarnation?: string } = {}): Promise<void> {
    const { connection } = this.engine;
    connection.become({ kind: 'ready', epoch: 1 });
    const self = {
      protocolMin: 1,
      protocolMax: 1,
      cluster: 'c',
      instance: 'b',
      incarnation: '1',
      features: [],
      wallMs: 0,
      ...more,
    };
    connection.streams.at(-1)?.answers(framed(toBinary(HelloResponseSchema, create(HelloResponseSchema, { self }))));
    await this.settle();
  }

  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** An open link with one call on it. */
  async busy(): Promise<PeerLink> {
    const { link } = this;
    link.enter();
    link.open(HEADERS, SILENT, new Waiter());
    await this.hello();
    return link;
  }

  states(): readonly boolean[] {
    return this.said.flatMap((message) => (message.kind === 'peer-state' ? [message.reachable] : []));
  }
}

describe('a link to a peer', () => {
  it('is made with the first call, which waits for the hello; later ones go at once', async () => {
    const rig = new LinkRig();
    assert.equal(rig.engine.connections.length, 0);
    const waiter = new Waiter();
    rig.link.enter();
    assert.equal(rig.link.open(HEADERS, SILENT, waiter), undefined);
    assert.equal(waiter.opened, 0);
    await rig.hello();
    assert.equal(waiter.opened, 1);
    assert.ok(rig.link.open(HEADERS, SILENT, waiter) !== undefined);
    assert.equal(rig.engine.connections.length, 1);
    assert.deepEqual(rig.states(), []);
  });

  it('lets only so many calls wait for it', () => {
    const rig = new LinkRig(2);
    for (const waiter of [new Waiter(), new Waiter()]) rig.link.open(HEADERS, SILENT, waiter);
    assert.throws(() => rig.link.open(HEADERS, SILENT, new Waiter()), { kind: 'overloaded' });
  });

  it('pings four times a second while calls are there, and has no timer while none is', async () => {
    const rig = new LinkRig();
    const link = await rig.busy();
    for (let round = 0; round < 8; round++) rig.clock.advance(PING_EVERY_MS);
    assert.equal(rig.pings, 8);
    assert.ok(link.mayCall);
    link.leave();
    rig.clock.advance(PING_EVERY_MS);
    assert.equal(rig.pings, 8);
    assert.equal(rig.clock.pendingTimers, 0);
  });

  it('counts its peer as gone after two pings without an answer: suspected first, then its calls end', async () => {
    const rig = new LinkRig();
    const link = await rig.busy();
    const { connection } = rig.engine;
    rig.answersPings = false;
    let candidateAtTheEnd: boolean | undefined;
    connection.onState = ((before) => (state) => {
      candidateAtTheEnd = link.mayCall;
      before?.(state);
    })(connection.onState);
    for (let round = 0; round < 2; round++) rig.clock.advance(PING_EVERY_MS);
    assert.ok(link.mayCall);
    rig.clock.advance(PING_EVERY_MS);
    assert.equal(candidateAtTheEnd, false);
    assert.equal(connection.state.kind, 'closed');
    assert.equal(rig.links.standing(B), 'away');
    assert.deepEqual(rig.states(), [false]);
  });

  it('does not take a delay of its own for a peer that is gone: what came meanwhile is read first', async () => {
    const rig = new LinkRig();
    const link = await rig.busy();
    rig.answersPings = false;
    for (let round = 0; round < 2; round++) rig.clock.advance(PING_EVERY_MS);
    rig.heldUpMs = HELD_UP_MS + 1;
    rig.clock.advance(PING_EVERY_MS);
    assert.ok(link.mayCall);
    rig.heldUpMs = 0;
    rig.clock.advance(PING_EVERY_MS);
    assert.equal(link.mayCall, false);
  });

  it('is held up by itself for one look at most, so that a machine that is always late finds out too', async () => {
    const rig = new LinkRig();
    const link = await rig.busy();
    const isLate = (): void => {
      rig.heldUpMs += HELD_UP_MS + 1;
      rig.clock.advance(PING_EVERY_MS);
    };
    for (let round = 0; round < 4; round++) isLate();
    assert.ok(link.mayCall, 'it answers');
    rig.answersPings = false;
    for (let round = 0; round < 3; round++) isLate();
    assert.ok(link.mayCall);
    isLate();
    assert.equal(link.mayCall, false);
  });

  it('asks again ever more slowly, and tells control once when the peer answers', async () => {
    const rig = new LinkRig();
    await rig.busy();
    rig.engine.connection.become({ kind: 'failed', message: 'gone' });
    const made: number[] = [];
    for (let waited = 0; waited < 30_000; waited += 10) {
      const before = rig.engine.connections.length;
      rig.clock.advance(durationMs(10));
      if (rig.engine.connections.length > before) made.push(waited);
    }
    const pauses = made.slice(1).map((at, index) => at - (made[index] ?? 0));
    assert.ok(made.length >= 6 && made.length <= 16, `${made.length} attempts in 30 s`);
    assert.ok((pauses.at(-1) ?? 0) > 2 * (pauses[0] ?? 0), pauses.join());
    assert.deepEqual(rig.states(), [false]);
    while (rig.engine.connection.state.kind !== 'connecting') rig.clock.advance(durationMs(100));
    await rig.hello();
    assert.deepEqual(rig.states(), [false, true]);
    assert.equal(rig.links.standing(B), 'ready');
  });

  it('takes no call where nobody says hello in time, or not the one that was meant', async () => {
    for (const more of [undefined, { incarnation: '2' }, { cluster: 'other' }]) {
      const rig = new LinkRig();
      const waiter = new Waiter();
      rig.link.enter();
      rig.link.open(HEADERS, SILENT, waiter);
      if (more === undefined) rig.clock.advance(HELLO_WITHIN_MS);
      else await rig.hello(more);
      assert.equal(waiter.failures.length, 1);
      assert.throws(() => rig.link.open(HEADERS, SILENT, waiter), { kind: 'unavailable' });
    }
  });

  it('to a peer that the table drops ends with its last call; another life gets a link of its own', async () => {
    const rig = new LinkRig();
    const link = await rig.busy();
    rig.routes.delete(B);
    rig.links.routesChanged();
    assert.equal(rig.engine.connection.state.kind, 'ready');
    assert.equal(rig.links.to(B), undefined);
    link.leave();
    assert.equal(rig.engine.connection.state.kind, 'closed');
    rig.routes.set(B, { ...ROUTE, incarnation: '2' });
    assert.notEqual(rig.link, link);
    assert.equal(rig.links.standing(B), 'ready');
    rig.routes.set(B, { ...ROUTE, incarnation: '2', draining: true });
    assert.equal(rig.links.standing(B), 'leaving');
  });

  it('opens anew after a goodbye, with a hello, and without suspicion', async () => {
    const rig = new LinkRig();
    const link = await rig.busy();
    rig.engine.connection.become({ kind: 'idle' });
    assert.ok(link.mayCall);
    const waiter = new Waiter();
    assert.equal(link.open(HEADERS, SILENT, waiter), undefined);
    await rig.hello();
    assert.equal(waiter.opened, 1);
    assert.deepEqual(rig.states(), []);
  });

  it('leaves its calls to a peer that said goodbye and refuses the next connection: it is about to answer them', async () => {
    const rig = new LinkRig();
    const link = await rig.busy();
    const { connection: parting } = rig.engine;
    parting.become({ kind: 'idle' });
    const waiter = new Waiter();
    link.enter();
    link.open(HEADERS, SILENT, waiter);
    rig.engine.connection.become({ kind: 'failed', message: 'refused' });
    assert.deepEqual([waiter.failures.length, rig.states(), link.mayCall], [1, [false], false]);
    link.leave();
    assert.equal(parting.state.kind, 'idle');
    link.leave();
    assert.equal(parting.state.kind, 'closed');
  });

  it('ends calls of before a goodbye too where the peer falls silent', async () => {
    const rig = new LinkRig();
    const link = await rig.busy();
    const { connection: parting } = rig.engine;
    parting.become({ kind: 'idle' });
    link.open(HEADERS, SILENT, new Waiter());
    rig.clock.advance(durationMs(HELLO_WITHIN_MS - 1));
    assert.equal(parting.state.kind, 'idle');
    rig.clock.advance(durationMs(1));
    assert.equal(parting.state.kind, 'closed');
  });
});

describe('the return of a peer that stopped answering', () => {
  class Returning implements ReturnWaiter {
    readonly heard: string[] = [];

    onPeerBack(): void {
      this.heard.push('back');
    }

    onPeerStaysAway(): void {
      this.heard.push('away');
    }
  }

  /** A link whose peer has just stopped answering. */
  async function suspected(waitingMax?: number): Promise<LinkRig> {
    const rig = new LinkRig(waitingMax);
    await rig.busy();
    assert.equal(rig.links.awaitReturn(B, new Returning()), undefined, 'it answers');
    rig.engine.connection.become({ kind: 'failed', message: 'gone' });
    return rig;
  }

  it('is told to those who wait for it, when it says hello', async () => {
    const rig = await suspected();
    const [one, left] = [new Returning(), new Returning()];
    for (const waiter of [one, left]) assert.equal(rig.links.awaitReturn(B, waiter), rig.link);
    rig.link.leaveReturn(left);
    while (rig.engine.connection.state.kind !== 'connecting') rig.clock.advance(durationMs(10));
    assert.deepEqual(one.heard, []);
    await rig.hello();
    assert.deepEqual([one.heard, left.heard], [['back'], []]);
    rig.clock.advance(RETURN_WITHIN_MS);
    assert.deepEqual(one.heard, ['back'], 'once');
    assert.equal(rig.links.awaitReturn(B, one), undefined);
  });

  it('is waited for only so long after it stopped, and by only so many', async () => {
    const rig = await suspected(2);
    const waiters = [new Returning(), new Returning()];
    for (const waiter of waiters) assert.ok(rig.links.awaitReturn(B, waiter) !== undefined);
    assert.equal(rig.links.awaitReturn(B, new Returning()), undefined, 'two wait already');
    rig.clock.advance(durationMs(RETURN_WITHIN_MS - 1));
    assert.deepEqual(
      waiters.map(({ heard }) => heard),
      [[], []],
    );
    rig.clock.advance(durationMs(1));
    assert.deepEqual(
      waiters.map(({ heard }) => heard),
      [['away'], ['away']],
    );
  });

  /** A link that has been asking for long, in the pause between two questions, which are far apart by now. */
  async function longAway(): Promise<LinkRig> {
    const rig = await suspected();
    while (rig.clock.monotonicMs() < 30_000) rig.clock.advance(durationMs(100));
    while (rig.engine.connection.state.kind === 'connecting') rig.clock.advance(durationMs(100));
    rig.clock.advance(durationMs(100));
    return rig;
  }

  it('is asked for at once where it has been away for longer, and again where the network says no: it may say that of what was before', async () => {
    const rig = await longAway();
    const made = rig.engine.connections.length;
    const [one, two] = [new Returning(), new Returning()];
    for (const waiter of [one, two]) assert.equal(rig.links.awaitReturn(B, waiter), rig.link);
    assert.equal(rig.engine.connections.length, made + 1, 'one question for both');
    rig.engine.connection.become({ kind: 'failed', message: 'no way' });
    assert.deepEqual([one.heard, two.heard], [[], []]);
    rig.clock.advance(durationMs(100));
    assert.equal(rig.engine.connections.length, made + 2);
    await rig.hello();
    assert.deepEqual([one.heard, two.heard], [['back'], ['back']]);
    assert.equal(rig.links.standing(B), 'ready');
    rig.clock.advance(ASKED_WITHIN_MS);
    assert.deepEqual([one.heard, two.heard], [['back'], ['back']], 'once');
  });

  it('is waited for so long by each who comes later, and asked for slowly again when nobody waits', async () => {
    const rig = await longAway();
    const [early, late, left] = [new Returning(), new Returning(), new Returning()];
    rig.links.awaitReturn(B, early);
    rig.clock.advance(durationMs(ASKED_WITHIN_MS - 1));
    assert.deepEqual(early.heard, []);
    rig.links.awaitReturn(B, late);
    rig.clock.advance(durationMs(1));
    assert.deepEqual([early.heard, late.heard], [['away'], []]);
    rig.clock.advance(durationMs(ASKED_WITHIN_MS - 1));
    assert.deepEqual(late.heard, ['away']);
    rig.links.awaitReturn(B, left);
    rig.link.leaveReturn(left);
    while (rig.engine.connection.state.kind === 'connecting') rig.clock.advance(durationMs(10));
    const made = rig.engine.connections.length;
    rig.clock.advance(ASKED_WITHIN_MS);
    assert.equal(rig.engine.connections.length, made);
    assert.deepEqual(left.heard, []);
  });

  it('may be that of another life, which those who wait are to look for at once; at the end of the node there is none', async () => {
    const rig = await suspected();
    const waiter = new Returning();
    rig.links.awaitReturn(B, waiter);
    rig.routes.set(B, { ...ROUTE, incarnation: '2' });
    rig.links.routesChanged();
    assert.deepEqual(waiter.heard, ['back']);
    const ending = await suspected();
    ending.links.awaitReturn(B, waiter);
    ending.links.close();
    assert.deepEqual(waiter.heard, ['back', 'away']);
  });
});

it('the table of latencies is bounded', () => {
  const latencies = new CopyLatencies(new FakeClock());
  for (let at = 0; at <= LATENCIES_MAX; at++) latencies.took(modelKey(`m${at}`), durationMs(at));
  assert.equal(latencies.of(modelKey('m0')), null);
  assert.equal(latencies.of(modelKey('m1')), 1);
});
