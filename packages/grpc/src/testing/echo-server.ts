import { GrpcRouter, rawMethod } from '../call/index.ts';
import { Listener } from '../listen/index.ts';
import { createNodeHttp2Engine, DEFAULT_STREAM_LIMITS, headerBlock } from '../stream/index.ts';
import { TimerWheel } from '../timer-wheel/index.ts';
import { realClock } from './real-clock.ts';

/** A server of `/test.Echo/Unary` on a free port, which it prints; on SIGUSR2 it prints the CPU microseconds spent since the last time. For measurements. */
const timers = new TimerWheel(realClock);
const router = new GrpcRouter({
  clock: realClock,
  timers,
  messageBytesMax: 4_194_304,
  fallback: (stream, _h, _end) => {
    const parts: Uint8Array[] = [];
    let n = 0;
    return {
      onHeaders() {},
      onTrailers() {},
      onReset() {},
      onWritable() {},
      onClosed() {},
      onData(_s, b, end) {
        if (b.length) {
          parts.push(b);
          n += b.length;
        }
        if (end) {
          stream.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/grpc']), false);
          for (const p of parts) stream.sendData(p, false);
          stream.consume(n);
          stream.sendTrailers(headerBlock(['grpc-status', '0']));
        }
      },
    };
  },
});
router.unary(rawMethod('/test.Echo/Unary'), (bytes) => [bytes]);
const listener = new Listener({
  engine: createNodeHttp2Engine({ clock: realClock }),
  limits: DEFAULT_STREAM_LIMITS,
  accept: router.accept,
});
await listener.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
let before = process.cpuUsage();
process.on('SIGUSR2', () => {
  const spent = process.cpuUsage(before);
  before = process.cpuUsage();
  console.log(`cpu ${spent.user + spent.system}`);
});
console.log(listener.port);
