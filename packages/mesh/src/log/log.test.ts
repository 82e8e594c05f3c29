import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MeshError } from '@modelmesh/core';
import { createLog, LOGGED_HEADER_CHARS_MAX, type LogLevel, requestFields, SECRET_FIELDS } from './index.ts';

function logOf(level: LogLevel) {
  const written: string[] = [];
  const log = createLog({ level, instance: 'node-a', service: 'mesh', sink: { write: (line) => written.push(line) } });
  return { log, written, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('the log', () => {
  it('writes one JSON line per event with its ids and without absent ones', () => {
    const { log, written, lines } = logOf('info');
    log.info('model-loaded', 'model m is loaded', { model: 'm', endpoint: null, requestId: 'r-1', sizeUnits: 4 });
    assert.equal(written.length, 1);
    assert.ok(written[0]?.endsWith('\n'));
    const { time, ...rest } = lines()[0] ?? {};
    assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
    assert.deepEqual(rest, {
      level: 'info',
      instance: 'node-a',
      service: 'mesh',
      event: 'model-loaded',
      model: 'm',
      requestId: 'r-1',
      sizeUnits: 4,
      message: 'model m is loaded',
    });
  });

  it('changes its level live, for logs made from it too', () => {
    const { log, lines } = logOf('warn');
    const child = log.with({ model: 'm' });
    child.info('a', 'not written');
    assert.equal(child.enabled('info'), false);
    log.setLevel('debug');
    child.debug('b', 'written');
    assert.equal(child.enabled('debug'), true);
    log.setLevel('error');
    child.warn('c', 'not written');
    log.error('d', 'written');
    assert.deepEqual(
      lines().map((line) => [line.event, line.model]),
      [
        ['b', 'm'],
        ['d', undefined],
      ],
    );
  });

  it('never writes what stands in fields of secrets, however deep and however written', () => {
    for (const secret of SECRET_FIELDS) {
      const { log, written } = logOf('trace');
      const field = { [secret]: 'hunter2' };
      log.info('a', 'top', field);
      log.info('a', 'one below', { runtime: field });
      log.info('a', 'two below', { load: { request: field } });
      log.info('a', 'three below', { load: { request: { info: field } } });
      log.info('a', 'in a list', { loads: [{ [secret.toUpperCase()]: 'hunter2' }] });
      log.info('a', 'in a map', { headers: new Map([[secret, 'hunter2']]) });
      log.with(field).info('a', 'in a child');
      log.with({ request: { headers: field } }).info('a', 'deep in a child');
      assert.equal(written.length, 8);
      assert.doesNotMatch(written.join(''), /hunter2/, secret);
    }
  });

  it('writes at most six levels and a hundred items of what it is given, in a circle too', () => {
    const { log, lines } = logOf('info');
    const circle: Record<string, unknown> = { size: 10n };
    circle.again = circle;
    log.info('a', 'a circle', { circle, many: Array.from({ length: 1000 }, (_, at) => at) });
    const [line = {}] = lines();
    assert.match(JSON.stringify(line.circle), /^(\{"size":"10","again":){6}"\[deep\]"\}{6}$/);
    assert.equal((line.many as unknown[]).length, 100);
  });

  it('writes kind, code, stack and causes of an error', () => {
    const { log, lines } = logOf('info');
    const cause = Object.assign(new Error('address in use'), { code: 'EADDRINUSE' });
    log.error('listen-failed', 'cannot listen', { error: new MeshError('failed-precondition', 'port taken', { cause }) });
    const error = lines()[0]?.error as Record<string, unknown>;
    assert.equal(error.kind, 'failed-precondition');
    assert.match(String(error.stack), /log\.test/);
    assert.equal((error.cause as Record<string, unknown>).code, 'EADDRINUSE');
  });
});

describe('fields of a request', () => {
  it('are the named headers that are there, binary ones decoded as UTF-8', () => {
    const headers = new Map([
      ['x-user', 'ann'],
      ['x-note-bin', Buffer.from('grüß').toString('base64')],
      ['x-other', 'no'],
    ]);
    const names = new Map([
      ['x-user', 'user'],
      ['x-note-bin', 'note'],
      ['x-missing', 'missing'],
    ]);
    assert.deepEqual(
      requestFields(names, (name) => headers.get(name)),
      { user: 'ann', note: 'grüß' },
    );
  });

  it('are cut at their limit', () => {
    const fields = requestFields(new Map([['a', 'a']]), () => 'x'.repeat(LOGGED_HEADER_CHARS_MAX + 1));
    assert.equal(fields.a?.length, LOGGED_HEADER_CHARS_MAX);
  });
});
