import { durationMs } from '@modelmesh/core';
import { realClock } from '../../testing/index.ts';
import { streamContract } from '../contract/index.ts';
import { createFrameEngine } from './engine.ts';

const connectTimeoutMs = durationMs(5000);

streamContract('h2', () => createFrameEngine({ clock: realClock, connectTimeoutMs }));
streamContract('h2 with poisoned buffers', () => createFrameEngine({ clock: realClock, connectTimeoutMs, poison: true }));
