import assert from 'node:assert/strict';
import { it } from 'node:test';
import { durationMs, modelKey } from '@modelmesh/core';
import { ABSENT, newModelRecord, putOf } from '@modelmesh/core/records';
import { FakeClock } from '@modelmesh/core/testing';
import { RegistryView } from '@modelmesh/core/view';
import { registryLayout } from '@modelmesh/wire/registry';
import type { Kv } from '../../kv/index.ts';
import { RegistryMirror } from './registry-mirror.ts';
import { RegistryPulse } from './registry-pulse.ts';

it('whose change is under way when the node ends is told so, and does not wait for ever', async () => {
  // A registry that never answers: the node is gone before its patience is at an end.
  const silent = { txn: () => new Promise(() => undefined) } as unknown as Kv;
  const nobody = (): void => undefined;
  const sink = {
    onDirty: nobody,
    onEndpoints: nobody,
    onUnreadable: nobody,
    onListing: nobody,
    onLost: nobody,
    onFollowed: nobody,
    onGone: nobody,
  };
  const layout = registryLayout({ root: '', prefix: 'mm', service: 's' });
  const view = new RegistryView({ failureExpiryMs: durationMs(1000) });
  const mirror = new RegistryMirror(silent, layout, new FakeClock(), view, sink, new RegistryPulse(false));
  const record = newModelRecord({ key: modelKey('m'), type: 't' });
  const change = mirror.change(() => ({ writes: [putOf(record, ABSENT)], result: undefined }));
  mirror.stop();
  await assert.rejects(change, { kind: 'registry-unavailable', message: /shutting down/ });
});
