import { descriptorSetBytes, Health } from '@modelmesh/wire/grpc-services';
import { GrpcStatusError, rawMethod } from '../call/index.ts';
import { addHealth, HealthBoard } from '../health/index.ts';
import { addReflection } from '../reflection/index.ts';
import { collect, each, serveRouter } from './serve.ts';

const board = new HealthBoard();
board.set('', 'serving');
const s = await serveRouter(
  (r) => {
    addHealth(r, board);
    addReflection(r, { descriptorSet: descriptorSetBytes() });
    r.unary(rawMethod('/t.E/U'), (b) => [b]);
    r.serverStream(rawMethod('/t.E/S'), async function* (b) {
      for (let i = 0; i < 5; i++) yield [b];
    });
    r.bidi(rawMethod('/t.E/B'), async function* (bs) {
      for await (const b of bs) yield [b];
    });
    r.clientStream(rawMethod('/t.E/C'), async (bs) => {
      let n = 0;
      for await (const b of bs) n += b.length;
      return [Buffer.from(String(n))];
    });
    r.unary(rawMethod('/t.E/F'), () => {
      throw new GrpcStatusError(9, 'näh %');
    });
  },
  { router: { onFault: (e, p) => console.log('fault', e, p) } },
);
console.log(s.address);
console.log(await s.client.unary(Health.method.check, { service: '' }));
console.log(await s.client.call(rawMethod('/t.E/U'), [Buffer.from('hello')]));
console.log(await collect(s.client.exchange(rawMethod('/t.E/S'), each([[Buffer.from('hello')]]))));
console.log(await collect(s.client.exchange(rawMethod('/t.E/B'), each([[Buffer.from('a')], [Buffer.from('b')]]))));
console.log(await collect(s.client.exchange(rawMethod('/t.E/C'), each([[Buffer.alloc(1_000_000)], [Buffer.from('b')]]))));
console.log(await s.client.call(rawMethod('/t.E/F'), [Buffer.from('hello')]).catch((e) => e));
console.log((await s.client.call(rawMethod('/t.E/U'), [Buffer.alloc(5_000_000, 7)])).length);
if (process.argv[2] === 'stay') await new Promise((r) => setTimeout(r, 20000));
await s[Symbol.asyncDispose]();
console.log('done');
