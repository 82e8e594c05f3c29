import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GrpcClient } from '@modelmesh/grpc/call';
import { createFrameEngine, DEFAULT_STREAM_LIMITS } from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { runtimeIdHeaders } from '@modelmesh/wire/headers';
import { formatPeerCall } from '@modelmesh/wire/peer';
import { decodePeerError } from '@modelmesh/wire/status';
import { systemClock } from '../../node/index.ts';
import { splitAddress } from '../../peer/index.ts';
import { ECHO, PeerMesh, refused } from './testing/index.ts';

const clock = systemClock;

describe('a call that arrives at the port between nodes', () => {
  it('is refused without, with a wrong version, or after too many nodes, and never reaches the runtime', async () => {
    await using mesh = await PeerMesh.of(['b']);
    const b = mesh.at(0);
    await b.route('m', b.serve('m'));
    const target = { kind: 'tcp', ...splitAddress(b.asPeer.address) } as const;
    const connection = createFrameEngine({ clock }).connect(target, DEFAULT_STREAM_LIMITS);
    const client = new GrpcClient(connection, { clock, timers: new TimerWheel(clock), authority: 'b', messageBytesMax: 65_536 });
    const send = (call: readonly string[], path = '/any.Service/Call') =>
      client.call({ ...ECHO, path }, [Buffer.from('q')], { headers: [...runtimeIdHeaders('m'), ...call] });
    const good = { protocol: 1, intent: 'copy', visited: ['a'] } as const;
    assert.equal(Buffer.from(await send(['mesh-call', formatPeerCall(good)])).toString(), 'q');
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /this port is for calls between nodes/],
      [['mesh-call', '1 copy 2 a'], /this port is for calls between nodes/],
      [['mesh-call', formatPeerCall({ ...good, protocol: 9 })], /versions 1 to 2 .* not 9/],
      [['mesh-call', formatPeerCall({ ...good, visited: ['x', 'a'] })], /passed x, a .*ROUTE_HOPS_MAX/],
      [['mesh-call', formatPeerCall({ ...good, visited: ['b'] })], /passed b .*ROUTE_HOPS_MAX/],
    ];
    for (const [headers, why] of cases) {
      const { code, message, trailers } = await refused(send(headers));
      assert.equal(code, 9);
      assert.match(message, why);
      const told = decodePeerError(trailers?.get('mesh-error-bin') ?? '');
      assert.deepEqual([told?.kind, told?.runtimeReached], ['failed-precondition', false]);
    }
    const contract = await refused(send(['mesh-call', formatPeerCall(good)], '/mmesh.ModelRuntime/unloadModel'));
    assert.equal(contract.code, 12);
    assert.equal(b.runtime.seen.length, 1);
    assert.deepEqual(b.runtime.unloads, []);
    connection.close();
  });
});
