import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { it } from 'node:test';
import { udpPackets } from './statsd-sender.ts';

it('packets reach an agent over UDP, and nobody minds when there is none', async () => {
  const agent = createSocket('udp4').bind(0, '127.0.0.1');
  await once(agent, 'listening');
  const { port } = agent.address();
  const packets = udpPackets('127.0.0.1', port);
  const heard = once(agent, 'message');
  packets.send('a:1|c\nb:2|ms');
  const [message] = await heard;
  assert.equal(String(message), 'a:1|c\nb:2|ms');
  const closed = once(agent, 'close');
  agent.close();
  await closed;
  for (let at = 0; at < 200; at++) packets.send('c:1|c');
  packets.close();
});
