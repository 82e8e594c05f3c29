import { durationMs } from '@modelmesh/core';
import { realClock } from '../../testing/real-clock.ts';
import { streamContract } from '../contract/index.ts';
import { createNodeHttp2Engine } from './engine.ts';

const connectTimeoutMs = durationMs(5000);

streamContract('node:http2', () => createNodeHttp2Engine({ clock: realClock, connectTimeoutMs }));
streamContract('node:http2 with poisoned buffers', () =>
  createNodeHttp2Engine({ clock: realClock, connectTimeoutMs, poison: true }),
);
