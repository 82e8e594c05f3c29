import assert from 'node:assert/strict';
import { it } from 'node:test';
import { epochMs, modelKey } from '@modelmesh/core';
import { createInProcessLink, type ToControl } from './index.ts';

const turn = (): Promise<void> => new Promise((resolve) => queueMicrotask(resolve));
const locate = (model: string): ToControl => ({
  kind: 'locate',
  request: 1,
  model: modelKey(model),
  lastUsedMs: epochMs(0),
  ask: { kind: 'anywhere' },
  exclude: [],
});

it('messages arrive in order, and never inside the call that sends them', async () => {
  const { control, dataPlane } = createInProcessLink();
  const heard: string[] = [];
  control.onMessage = (message) => {
    if (message.kind !== 'locate') return;
    heard.push(message.model);
    if (message.model === 'a') dataPlane.send(locate('from inside'));
  };
  dataPlane.send(locate('a'));
  dataPlane.send(locate('b'));
  assert.deepEqual(heard, []);
  await turn();
  await turn();
  assert.deepEqual(heard, ['a', 'b', 'from inside']);
});

it('a cloning link carries copies, so that nothing is shared by accident', async () => {
  const { control, dataPlane } = createInProcessLink({ clone: true });
  const sent = { kind: 'method-rules', rules: { rules: new Map(), allowOthers: true } } as const;
  let received: unknown;
  dataPlane.onMessage = (message) => {
    received = message;
  };
  control.send(sent);
  await turn();
  assert.deepEqual(received, sent);
  assert.notEqual(received, sent);
});
