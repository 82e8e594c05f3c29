import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createLog } from '../log/index.ts';
import { noMetrics } from '../metrics/index.ts';
import { LiveLogging, LoggedCalls } from './index.ts';

it('§6.4 what operators set outranks the configuration, and what they take back leaves it to the configuration again', () => {
  const log = createLog({ level: 'warn', instance: 'i', service: 's', sink: { write: () => {} } });
  const config = { logLevel: 'warn', logEachInvocation: false, logHeaders: new Map() } as const;
  const logging = new LiveLogging(log, new LoggedCalls(noMetrics, log, config), config);
  logging.parametersChanged({ logLevel: 'debug' });
  assert.equal(log.enabled('debug'), true);
  logging.configured({ ...config, logLevel: 'error' });
  assert.equal(log.enabled('debug'), true);
  logging.parametersChanged({});
  assert.deepEqual([log.enabled('warn'), log.enabled('error')], [false, true]);
});
